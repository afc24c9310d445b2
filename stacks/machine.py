"""What a model is built on: the [build] table of its spec, read at synth."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from manifest import Architecture
from stacks.settings.checked import Checked

SPECS = Path(__file__).parents[1] / "model_build" / "specs"

# Of CodeBuild; vCPU and GiB: 2/4 (4 on ARM), 4/8, 8/16, 36/72, 72/144.
Compute = Literal["small", "medium", "large", "xlarge", "2xlarge"]
# codebuild: the pipeline's own machine. sagemaker: a training job, see stacks/training.py.
Engine = Literal["codebuild", "sagemaker"]


@dataclass(frozen=True)
class Machine:
    """Raises ConfigError where there is no such machine."""

    model: str
    compute: Compute = "large"
    architecture: Architecture = "x86_64"  # that the model is measured on, and runs on
    gpu: bool = False
    engine: Engine = "codebuild"
    timeout_minutes: int | None = None  # None: as in stacks/config.py

    def __post_init__(self) -> None:
        checked = Checked(f"model_build/specs/{self.model}.toml")
        checked.one_of("build.compute", self.compute, get_args(Compute))
        architectures = get_args(Architecture)
        checked.one_of("build.architecture", self.architecture, architectures)
        if not isinstance(self.gpu, bool):
            checked.refuse("build.gpu", self.gpu, "true or false")
        checked.one_of("build.engine", self.engine, get_args(Engine))
        if self.timeout_minutes is not None:
            checked.within("build.timeout_minutes", self.timeout_minutes, 5, 2_160)
        if self.engine == "sagemaker" and self.architecture != "x86_64":
            checked.refuse("build.engine", self.engine, "possible on arm64")
        if self.gpu and self.architecture != "x86_64":
            checked.refuse("build.gpu", True, "possible on arm64")
        if self.gpu and self.compute not in ("small", "large"):
            checked.refuse("build.compute", self.compute, "small or large, with a GPU")
        if self.architecture == "arm64" and self.compute.endswith("xlarge"):
            wanted = "small, medium or large, on arm64"
            checked.refuse("build.compute", self.compute, wanted)


def read_machine(model: str, specs: Path = SPECS) -> Machine:
    """Return what a model's spec asks for. Raises ConfigError naming the file."""
    path = specs / f"{model}.toml"
    checked = Checked(f"model_build/specs/{model}.toml")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("build", {})
    except FileNotFoundError:
        checked.refuse("model", model, "there: an endpoint needs its model's spec")
    except ValueError as error:
        checked.refuse("spec", path.name, f"TOML: {error}")
    known = [field.name for field in fields(Machine)[1:]]
    for key in table:
        checked.one_of("build", key, known)
    return Machine(model, **table)

"""Who may import whom. The sides run on different machines and meet in manifest.py."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {
    "app",
    "batch",
    "bench",
    "checks",
    "containers",
    "costs",
    "demo",
    "images",
    "manifest",
    "model_build",
    "rehearsal",
    "stacks",
    "synth",
}
LIBRARY = set(sys.stdlib_module_names)

# What each side may import beside the standard library and itself.
ALLOWED = {
    "manifest.py": set[str](),
    "costs": {"manifest"},
    "batch": {"boto3", "botocore", "containers", "costs", "manifest"},
    "bench": {
        "ai_edge_litert", "bentoml", "boto3", "containers", "costs", "flask", "httptools", "images", "manifest", "model_build", "msgspec", "numpy", "onnx",
        "onnxruntime", "tensorflow", "tensorflow_text", "tf_keras", "tokenizers", "torch", "transformers", "uvloop",
    },
    "checks": {"aws_cdk", "cdk_nag", "cfnlint", "constructs", "costs", "jsii"},
    "stacks": {"aws_cdk", "boto3", "botocore", "constructs", "manifest", "costs"},  # boto3: its commands
    "app.py": {"aws_cdk", "checks", "manifest", "costs", "stacks"},
    "synth.py": {"app"},
    "demo.py": {"bench"},
    "images": {"manifest"},
    "rehearsal": {"bench", "boto3", "botocore", "ministack", "manifest"},
    "containers": {
        "ai_edge_litert", "boto3", "botocore", "cachetools", "flask", "gunicorn", "httptools", "numpy", "openvino", "prometheus_client",
        "redis", "tokenizers", "uvloop", "werkzeug", "manifest",
        "cyclonedx", "packageurl",  # layers/materials.py, while an image is built
    },
    "model_build": {
        "ai_edge_litert", "ai_edge_quantizer", "bench", "containers", "costs", "httpx2", "huggingface_hub", "images", "jinja2", "manifest", "ml_dtypes", "msgspec", "nncf", "numpy",
        "openvino", "optuna", "pyarrow", "safetensors", "scipy", "tensorflow", "tensorflow_model_optimization", "tensorflow_serving",
        "tensorflow_text", "tf_keras", "tokenizers", "werkzeug",  # its BadRequest is what a served task raises
    },
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Top-level names a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def files(side: str) -> list[Path]:
    path = ROOT / side
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("side", ALLOWED)
def test_a_side_imports_only_what_it_may(side: str) -> None:
    own = side.removesuffix(".py")
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in files(side)
        for name in imports(path) - LIBRARY - ALLOWED[side] - {own}
    }
    assert not found


def test_every_side_is_in_the_table() -> None:
    sides = {p.stem for p in ROOT.glob("*.py")} | {
        p.parent.name for p in ROOT.glob("*/__init__.py")
    }
    assert sides - {"tests"} == OURS == {side.removesuffix(".py") for side in ALLOWED}


def synthesized() -> list[Path]:
    """What makes templates; commands are what people type, functions run in Lambda."""
    other = ["stacks/commands", "stacks/functions", "stacks/__main__.py"]
    elsewhere = [path for side in other for path in files(side)]
    return [
        ROOT / "app.py",
        *(path for path in files("stacks") if path not in elsewhere),
    ]


# What a size is, and the one price that a dashboard counts with.
TAKEN = ("costs.fargate", "costs.functions", "costs.instances", "costs.hourly")


def test_stacks_take_from_costs_only_sizes_and_a_tasks_hour() -> None:
    for path in synthesized():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "costs"
            ):
                assert node.module in TAKEN, path


def test_nothing_about_the_machine_reaches_a_template() -> None:
    """No clock, no git, no environment: the commit decides what is synthesized."""
    for path in synthesized():
        assert not imports(path) & {
            "boto3",
            "os",
            "time",
            "datetime",
            "subprocess",
            "random",
            "uuid",
        }, path


@pytest.mark.parametrize(
    "side",
    [
        "manifest.py",
        "stacks",
        "app.py",
        "batch",
        "checks",
        "costs",
        "rehearsal",
        "containers",
        "images",
    ],
)
def test_no_tensorflow_where_it_is_not_used(side: str) -> None:
    assert not any("tensorflow" in imports(path) for path in files(side))


def test_images_copy_only_what_a_server_needs() -> None:
    """manifest.py and the server's own files; never a spec, a test or a stack."""
    text = (ROOT / "containers/flask/Dockerfile").read_text()
    copied = [
        line.split()[1]
        for line in text.splitlines()
        if line.startswith("COPY") and "--from" not in line
    ]
    assert all(
        name.startswith(("containers/", "manifest.py", "${ARTIFACT}"))
        for name in copied
    )


def test_only_the_queued_side_of_the_image_knows_of_aws() -> None:
    for path in files("containers/flask"):
        assert not imports(path) & {"boto3", "botocore"}, path

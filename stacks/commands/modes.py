"""Synthesize one model in every mode, side by side, to see what each would cost."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from manifest import Manifest, ManifestError, read_manifest
from stacks.commands.base import check_out
from stacks.commands.checkout import ROOT, Checkout, CommandError, chosen_stage
from stacks.configured import configured
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment
from stacks.settings.stage import StageConfig

EPILOG = """\
examples:
  python -m stacks modes support-sentiment --stage dev --out build/modes
  python -m stacks modes support-sentiment --from build/support-sentiment --out build/modes
  python -m costs modes build/modes

Each mode is a copy of the stage that has nothing but the model in that mode: as
stacks/config.py has it, where it does, else as it would be by default. Never deploy it.
exit code: 0, 2 on an error
"""


def main(arguments: Sequence[str] | None = None, what: Deployment | None = None) -> int:
    """Write the assembly; `what` is the deployment, stacks/config.py's unless given."""
    options = _parser().parse_args(arguments)
    try:
        what = what or configured()
        stage = _stage(what, options.stage, options.model)
        release = _release(options, stage.name)
        synthesize(release, stage, what, options.out)
    except (CommandError, ConfigError, ManifestError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def synthesize(
    release: Manifest, stage: StageConfig, what: Deployment, out: Path
) -> None:
    """Write to `out` the assembly of a release in every mode of a stage.

    An assembly that is there is replaced. Raises CommandError, ConfigError or
    ManifestError.
    """
    out = out.resolve()
    check_out(out)
    # Six seconds of rules, over what is never deployed; read when the library is loaded.
    os.environ.setdefault("CDK_VALIDATION", "false")
    import aws_cdk as cdk

    from stacks.modes import add_modes

    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    shutil.rmtree(out, ignore_errors=True)
    app = cdk.App(context=flags, outdir=str(out), analytics_reporting=False)
    with tempfile.TemporaryDirectory(prefix="modes-") as folder:
        path = Path(folder) / stage.name / f"{release.name}.json"
        path.parent.mkdir()
        path.write_text(release.to_json(), encoding="utf-8")
        add_modes(
            app,
            model=release.name,
            stage=stage,
            delivery=what.delivery,
            releases=Path(folder),
        )
    app.synth()


def _stage(what: Deployment, asked: str | None, model: str) -> StageConfig:
    name = chosen_stage(what, asked)
    (stage,) = (each for each in what.stages if each.name == name)
    models = dict.fromkeys(each.model for each in (*stage.endpoints, *stage.jobs))
    if model not in models:
        known = ", ".join(models) or "nothing"
        raise CommandError(f"{model}: {name} runs no such model; it runs {known}")
    return stage


def _release(options: argparse.Namespace, stage: str) -> Manifest:
    if (path := options.source) is not None:
        path = path / "manifest.json" if path.is_dir() else path
        found = read_manifest(path)
        if found.name != options.model:
            raise CommandError(f"{path}: name: {found.name!r} is not {options.model!r}")
        return found
    checkout = Checkout(options.root)
    if (released := checkout.read(stage, options.model)) is None:
        path = checkout.release(stage, options.model)
        raise CommandError(f"{path}: no such file: release it, or name a build: --from")
    return released


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks modes",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="a model that the stage runs in some mode")
    parser.add_argument("--stage", help="default: the first that is deployed")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="SOURCE",
        help="a build directory, or a manifest (default: the stage's release)",
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())

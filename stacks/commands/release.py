"""Put what a build published into stacks/releases, where the next deploy finds it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from manifest import Manifest, ManifestError, read_manifest
from stacks.commands.checkout import (
    Checkout,
    CommandError,
    chosen_stage,
    models_of,
    runtimes_of,
)
from stacks.commands.published import Published
from stacks.configured import configured
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment

EPILOG = """\
examples:
  python -m stacks release support-sentiment                  the newest build, for the first stage
  python -m stacks release support-sentiment --stage prod     the same image, promoted
  python -m stacks release support-sentiment --version 3f1c9a07be24
  python -m stacks release support-sentiment --from build/support-sentiment
  python -m stacks release --newest --stage dev               every model of the stage

A release is refused unless it was built from the spec that is committed here, was
measured, and has the image of each runtime that the stage runs it by (not asked where a
build directory is given). Then commit it: git says what runs.
exit code: 0, 1 refused, 2 on an error
"""


@dataclass(frozen=True)
class Change:
    """What a stage ran, and runs after the next deploy."""

    stage: str
    release: Manifest
    before: str | None  # version

    @property
    def line(self) -> str:
        if self.before == self.release.version:
            return f"{self.stage}: {self.release.name} {self.before}, as before"
        before = self.before or "nothing"
        return f"{self.stage}: {self.release.name} {before} -> {self.release.version}"


def main(arguments: Sequence[str] | None = None, what: Deployment | None = None) -> int:
    """Write releases; `what` is the deployment, stacks/config.py's unless given."""
    options = _parser().parse_args(arguments)
    try:
        what = what or configured()
        changes = _release(options, what, Checkout(options.root))
    except (CommandError, ManifestError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except (ConfigError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([_record(change) for change in changes], indent=2))
    else:
        for change in changes:
            print(change.line)
    return 0


def _release(
    options: argparse.Namespace, what: Deployment, checkout: Checkout
) -> list[Change]:
    stage = chosen_stage(what, options.stage)
    models = models_of(what, stage)
    if options.name and options.name not in models:
        named = ", ".join(models)
        raise CommandError(
            f"{options.name}: {stage} has endpoints for {named or 'nothing'}"
        )
    published = Published(what.delivery)
    changes = []
    for model in [options.name] if options.name else models:
        found = _find(options, published, model)
        if found is None and options.newest:
            print(f"{stage}: {model} is waiting for its first build", file=sys.stderr)
            continue
        if found is None:
            raise CommandError(f"{model}: no such build was published")
        _judge(found, model, checkout)
        runtimes = runtimes_of(what, stage, model)
        _judge_images(found, runtimes, None if _directory(options) else published)
        before = checkout.read(stage, model)
        checkout.write(stage, found)
        changes.append(Change(stage, found, before.version if before else None))
    return changes


def _find(
    options: argparse.Namespace, published: Published, model: str
) -> Manifest | None:
    if options.version:
        return published.version(model, options.version)
    if options.source is None:
        return published.newest(model)
    if folder := _directory(options):
        path = folder / "manifest.json" if folder.is_dir() else folder
        return read_manifest(path)
    address = urlsplit(options.source)
    return published.manifest(address.netloc, address.path.lstrip("/"))


def _directory(options: argparse.Namespace) -> Path | None:
    source = options.source
    return None if source is None or source.startswith("s3://") else Path(source)


def _judge(found: Manifest, model: str, checkout: Checkout) -> None:
    """Refuse what is of another model or spec, or has no measurements."""
    if found.name != model:
        raise CommandError(f"name: {found.name!r} is not {model!r}")
    found.measured()
    committed = checkout.spec_digest(model)
    if found.spec_digest != committed:
        raise CommandError(
            f"{model} {found.version}: spec_digest: {found.spec_digest[:12]} is not "
            f"{committed[:12]}, that of {checkout.spec(model).relative_to(checkout.root)}"
        )


def _judge_images(
    found: Manifest, runtimes: Sequence[str], published: Published | None
) -> None:
    """Refuse what was not built for a runtime, or whose image is not there."""
    for runtime in runtimes:
        if runtime not in found.runtimes:
            can = ", ".join(found.runtimes)
            raise CommandError(
                f"{found.name} {found.version}: {runtime}: it has {can} only"
            )
        if published and not published.has_image(found, runtime):
            raise CommandError(
                f"{found.image_tag}: the registry has no {runtime} image"
            )


def _record(change: Change) -> dict[str, str | None]:
    return {
        "stage": change.stage,
        "name": change.release.name,
        "version": change.release.version,
        "before": change.before,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks release",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", metavar="NAME", help="the model")
    which.add_argument(
        "--newest", action="store_true", help="every model of the stage instead"
    )
    parser.add_argument("--stage", help="default: the first that is deployed")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="a build directory, or the s3:// address of a manifest",
    )
    source.add_argument("--version", help="not the newest, but this one")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--root", type=Path, default=Checkout().root, help="the checkout to write to"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

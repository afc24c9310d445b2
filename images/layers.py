"""What an image weighs, layer by layer: as files, and as a registry keeps it."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

CHUNK = 1 << 20
GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Layer:
    """Bytes of one layer's files, and of the same compressed by gzip."""

    size: int
    compressed: int


def measure(archive: IO[bytes]) -> list[Layer]:
    """Measure what `docker save` or `podman save` writes, in the image's order."""
    found: dict[str, Layer] = {}
    order: list[str] = []
    links: dict[str, str] = {}
    with tarfile.open(fileobj=archive, mode="r|") as members:
        for member in members:
            file = members.extractfile(member) if member.isfile() else None
            if member.issym() or member.islnk():
                links[member.name] = member.linkname.removeprefix("../")
            elif file and member.name == "manifest.json":
                order = json.load(file)[0]["Layers"]
            elif file and _is_layer(member.name):
                found[member.name] = _weigh(_chunks(file))
    return [found[links.get(name, name)] for name in order]


def _is_layer(name: str) -> bool:
    return name.endswith(".tar") or name.startswith("blobs/")


def _weigh(chunks: Iterable[bytes]) -> Layer:
    compress = zlib.compressobj(6, zlib.DEFLATED, GZIP)
    size = compressed = 0
    for chunk in chunks:
        size += len(chunk)
        compressed += len(compress.compress(chunk))
    return Layer(size, compressed + len(compress.flush()))


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk

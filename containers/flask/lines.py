"""JSON lines: instances in, answers out, a line for a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from werkzeug.exceptions import BadRequest

from containers.flask.bulk import Bulk, load_bulk
from containers.flask.inference import INPUTS, MAX_ID
from containers.flask.instances import kind
from manifest import Manifest

LINE_BYTES = 256 * 1024  # what the server takes as a body
CHUNK_LINES = 1024
CHUNK_BYTES = 128 * 1024  # some seconds of one core, where texts are long
_SKIP_BYTES = 64 * 1024

Id = str | int
Place = Literal["line", "byte"]


class Chunk(NamedTuple):
    """Neighbouring lines of one part of a file, without their ends."""

    part: int
    places: Sequence[int]  # of its lines in the file: numbers from 1, or bytes from 0
    lines: Sequence[bytes]  # one that is too long is cut after LINE_BYTES + 1
    end: int  # bytes of the file before the line after these
    ends_part: bool = False
    ends_file: bool = False


class Answered(NamedTuple):
    """What became of a chunk."""

    chunk: Chunk
    answers: bytes  # as many lines as were given
    errors: bytes  # a line for each that has no answer
    error_lines: int


def load_lines(
    manifest: Manifest, directory: Path, id_field: str, place: Place, *, threads: int
) -> Lines:
    """Load an artifact's task and engine, to answer so many chunks at once.

    Raises StartError, and ValueError where the model itself reads the field.
    """
    check_id_field(manifest, id_field)
    return Lines(load_bulk(manifest, directory, threads=threads), id_field, place)


def check_id_field(manifest: Manifest, id_field: str) -> None:
    """Raises ValueError for no field, and for one that the model itself reads."""
    if not id_field:
        raise ValueError("--id: '' names no field")
    if id_field in INPUTS[manifest.task]:
        raise ValueError(f"--id: {id_field!r} is what the model reads")


class Lines:
    """Answers chunks of JSON lines; safe to call from any thread.

    A line is an instance as `:predict` takes it; if it is an object, `id_field` may
    stand beside its texts. Its answer is an object with the same id, or with the line's
    place; instead of an answer it has `error`: the place and the reason.
    """

    def __init__(self, bulk: Bulk, id_field: str, place: Place = "line") -> None:
        """`place` is what the chunks' places are, and an error says where it was."""
        self._bulk = bulk
        self._id_field = id_field
        self._place = place

    def answer(self, chunk: Chunk) -> Answered:
        placed = list(zip(chunk.places, chunk.lines, strict=True))
        read = [self._read(line, place) for place, line in placed]
        found = self._bulk.answer([instance for _, instance in read])
        answers, errors = [], []
        for place, (id_, _), one in zip(chunk.places, read, found, strict=True):
            if isinstance(one, BadRequest):
                wrong = {"id": id_, "error": one.description}
                errors.append(_line({self._place: place, **wrong}))
                answers.append(_line(wrong))
            else:
                answers.append(_line({"id": id_, **one}))
        return Answered(chunk, b"".join(answers), b"".join(errors), len(errors))

    def _read(self, line: bytes, place: int) -> tuple[Id, Any]:
        """Return an id and an instance, or the id and a BadRequest."""
        try:
            value = read_line(line)
            if isinstance(value, dict) and self._id_field in value:
                return _id(value.pop(self._id_field), self._id_field), value
        except BadRequest as error:
            return place, error
        return place, value


def read_line(line: bytes) -> Any:
    """Return a line's JSON value; BadRequest says what is wrong with it."""
    if len(line) > LINE_BYTES:
        raise BadRequest(f"line: over {LINE_BYTES} bytes")
    try:
        text = line.decode()
        if not text.strip():
            raise BadRequest("line: empty")
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise BadRequest(f"line: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise BadRequest("line: nested too deeply") from error
    except json.JSONDecodeError as error:
        place = f"character {error.pos + 1}"
        raise BadRequest(f"line: not JSON: {error.msg}: {place}") from error
    except ValueError as error:
        raise BadRequest(f"line: not JSON: {error}") from error


def _id(value: Any, field: str) -> Id:
    if isinstance(value, str) and len(value) > MAX_ID:
        raise BadRequest(f"{field}: {len(value)} characters, {MAX_ID} allowed")
    if isinstance(value, str) or type(value) is int:
        return value
    found = "a fraction" if isinstance(value, float) else kind(value)
    raise BadRequest(f"{field}: {found} is not a string or a whole number")


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def read_chunks(
    file: BinaryIO, *, part_bytes: int, offset: int = 0, first: int | None = 1
) -> Iterator[Chunk]:
    """Yield a file's lines from its position on, which is at `offset`.

    The file is parts of `part_bytes`; a line belongs to the part that it begins in. A
    file without a line is one part without a line. `first` is the first line's number;
    without it, the place of a line is the byte that it begins at.
    """
    part, held, number = offset // part_bytes, 0, first
    places: list[int] = []
    lines: list[bytes] = []
    while (found := _next_line(file))[1]:
        line, size = found
        is_next, is_full = offset // part_bytes != part, held >= CHUNK_BYTES
        if is_next or is_full or len(lines) == CHUNK_LINES:
            yield Chunk(part, places, lines, offset, ends_part=is_next)
            held, places, lines = 0, [], []
            part = offset // part_bytes
        lines.append(line)
        places.append(offset if number is None else number)
        held += len(line)
        offset += size
        number = None if number is None else number + 1
    yield Chunk(part, places, lines, offset, ends_part=True, ends_file=True)


def skip_line(file: BinaryIO) -> int:
    """Read on after the end of a line, however long it is; return how many bytes."""
    return _next_line(file)[1]


def _next_line(file: BinaryIO) -> tuple[bytes, int]:
    """Return a line, cut if it is too long, and the bytes that it takes in the file."""
    line = file.readline(LINE_BYTES + 1)
    size, end = len(line), line
    while end and not end.endswith(b"\n") and size > LINE_BYTES:
        end = file.readline(_SKIP_BYTES)
        size += len(end)
    return line.removesuffix(b"\n"), size

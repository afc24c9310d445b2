"""The open-loop client: a Poisson schedule, one event loop, no thread a request.

python -m bench.serving.poisson --port 8080 --path /v1/models/NAME:predict \\
    --texts FILE --rate 200 --seconds 5

uvloop and httptools do the sending and the parsing, for the client shares the cores
with the server; the CPU time it takes is counted and printed. Every answer is checked.
Connections are kept alive, the one used last first, and their number grows as answers
are awaited. Nothing is sent twice.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvloop

from bench.serving.dialects import DIALECTS
from bench.serving.offered import Offered, OfferError, Question, write_offered
from bench.serving.open_loop import Client, Schedule


def read_questions(file: str) -> list[Question]:
    """Read one question a line: of a .txt file the line itself, of any other JSON.

    JSON is a string or {"text": ..., "label": ...}; - is standard input, JSON too.
    Raises OfferError naming the line.
    """
    text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise OfferError(f"{file}: no texts")
    if file.endswith(".txt"):
        return [Question(line) for _, line in lines]
    return [_question(f"{file}:{number}", line) for number, line in lines]


def _question(where: str, line: str) -> Question:
    try:
        found = json.loads(line)
        return Question(found) if isinstance(found, str) else Question(**found)
    except (ValueError, TypeError):
        raise OfferError(
            f'{where}: not a JSON string, nor {{"text": ..., "label": ...}}'
        ) from None


def _requests(
    options: argparse.Namespace, questions: Sequence[Question]
) -> list[tuple[bytes, str | None]]:
    encode = DIALECTS[options.dialect].encode
    extra = "".join(f"{line}\r\n" for line in options.header)
    requests = []
    for question in questions:
        body = encode(question.text)
        head = (
            f"POST {options.path} HTTP/1.1\r\nHost: {options.host}\r\n{extra}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append((head.encode() + body, question.label))
    return requests


async def _run(options: argparse.Namespace, questions: Sequence[Question]) -> Offered:
    client = Client(
        options.host,
        options.port,
        decode=DIALECTS[options.dialect].decode,
        connections=options.connections,
    )
    schedule = Schedule(
        _requests(options, questions),
        rate=options.rate,
        seconds=options.seconds,
        seed=options.seed,
    )
    await client.run(schedule, patience_s=options.patience)
    return client.offered(rate=options.rate, seconds=options.seconds)


def _summary(offered: Offered) -> str:
    lines = [
        f"offered    {offered.rate:.1f} a second for {offered.seconds:g} s: {offered.scheduled}",
        f"right      {len(offered.answers_ms)}, {offered.goodput:.1f} a second; "
        f"wrong {offered.wrong}, refused {len(offered.refusals_ms)}, "
        f"failed {offered.failed}, lost {offered.lost}",
        f"latency    p50 {offered.accepted_quantile_ms(0.5):.1f} ms, "
        f"p99 {offered.accepted_quantile_ms(0.99):.1f} ms of the right answers",
        f"client     {offered.client_cpu_seconds:.2f} s CPU, "
        f"{offered.connections} connections, p99 {offered.late_p99_ms:.1f} ms late",
    ]
    if offered.refusals_ms:
        lines.append(f"refusals   p99 {offered.refusal_quantile_ms(0.99):.1f} ms")
    if not offered.kept_schedule:
        lines.append("void: the client could not keep its schedule")
    if offered.complaint:
        lines.append(f"first complaint: {offered.complaint}")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.poisson",
        description="Offer open-loop Poisson load; check every answer.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True, help="/v1/models/NAME:predict")
    parser.add_argument(
        "--dialect", choices=DIALECTS, default="predict", help="default: predict"
    )
    parser.add_argument(
        "--texts",
        required=True,
        metavar="FILE",
        help="one a line: plain in a .txt file, else a JSON string or "
        '{"text": ..., "label": ...}; - is standard input, JSON',
    )
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0, help="of order and gaps")
    parser.add_argument("--connections", type=int, default=1024, help="at most")
    parser.add_argument(
        "--patience", type=float, default=10.0, help="seconds to wait for last answers"
    )
    parser.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def main() -> None:
    options = _options()
    with suppress(PermissionError):  # it shares the cores with the server
        os.nice(-10)
    try:
        questions = read_questions(options.texts)
        offered = uvloop.run(_run(options, questions))
    except (OfferError, OSError) as error:
        sys.exit(f"error: {error}")
    print(write_offered(offered) if options.json else _summary(offered))


if __name__ == "__main__":
    main()

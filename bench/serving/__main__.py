"""Requests a second in time: the artifact's server against what people run today.

python -m bench.serving build/support-sentiment --write

Four servers stay up on the same cores; rounds take them in turn, so that a busy
machine slows all. In a round each is offered Poisson load, open loop, at rates that
close in on the highest whose 99th percentile keeps the bound. The client shares the
cores with the server. Every answer is held to the server's own unbatched answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench.server import Server, ServerError, serve
from bench.serving.contenders import OURS, Contender, Settings, contenders
from bench.serving.machine import machine
from bench.serving.offered import OfferError
from bench.serving.prepared import Prepared, PrepareError, prepare
from bench.serving.result import Ran, Result, write_result
from bench.serving.search import Window, highest, window
from bench.serving.table import table, write_readme
from manifest import Manifest, ManifestError, read_manifest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
FIRST_RATE = 40.0  # where the first look begins: any server here keeps it, or nearly

Tried = list[tuple[Settings, float]]


class _Searcher:
    """Closes in on one server's highest rate, and keeps every window taken."""

    def __init__(self, prepared: Prepared, *, slo_ms: float, most: float) -> None:
        self._prepared = prepared
        self._slo_ms, self._most = slo_ms, most
        self.windows: list[Window] = []

    def warm(self, contender: Contender, server: Server) -> None:
        """Let a server learn what it learns from requests; nothing is kept."""
        questions = self._prepared.questions(contender.answers)
        window(contender, server, questions, rate=20, seconds=2, number=0, seed=0)

    def look(self, contender: Contender, server: Server, seconds: float) -> float:
        """Search coarsely, to within 15 %; 0 where no rate is answered in time."""
        self.warm(contender, server)
        try:
            found = self._highest(
                contender, server, FIRST_RATE, 0, seconds, 1.6, 1.15, 1
            )
        except OfferError:
            return 0.0
        return found.rate

    def search(
        self,
        contender: Contender,
        server: Server,
        start: float,
        *,
        number: int,
        seconds: float,
    ) -> Window:
        """Search from a rate that is near, to within 4 %; a rate may fail once."""
        return self._highest(contender, server, start, number, seconds, 1.08, 1.04, 2)

    def _highest(
        self,
        contender: Contender,
        server: Server,
        start: float,
        number: int,
        seconds: float,
        step: float,
        finest: float,
        tries: int,
    ) -> Window:
        questions = self._prepared.questions(contender.answers)

        def measure(rate: float) -> Window:
            seed = len(self.windows)
            taken = window(
                contender,
                server,
                questions,
                rate=rate,
                seconds=seconds,
                number=number,
                seed=seed,
            )
            self.windows.append(taken)
            _say(taken, passes=taken.passes(self._slo_ms))
            return taken

        return highest(
            measure,
            start,
            slo_ms=self._slo_ms,
            step=step,
            finest=finest,
            tries=tries,
            most=self._most,
        )


def _say(taken: Window, *, passes: bool) -> None:
    word = "kept" if passes else ("late" if taken.kept_schedule else "void")
    odd = [
        f"{count} {name}"
        for name in ("wrong", "refused", "failed", "lost")
        if (count := getattr(taken, name))
    ]
    print(
        f"{taken.round:2} {taken.server:28}{taken.rate:8.0f}/s  p50 {taken.p50_ms:7.1f}"
        f"  p99 {taken.p99_ms:7.1f} ms  {taken.cpu_per_thousand:6.2f} s CPU a thousand"
        f"  {word} {', '.join(odd)}",
        file=sys.stderr,
        flush=True,
    )


def _running(
    contender: Contender, settings: Settings
) -> AbstractContextManager[Server]:
    return serve(
        contender.started_with(settings),
        environment=contender.environment_with(settings),
        timeout_s=180,
        ready_path=contender.ready_path,
    )


def _look(
    entrants: Sequence[Contender], searcher: _Searcher, file: Path, seconds: float
) -> dict[str, Tried]:
    """Try every settings of every grid; peers' figures are kept in `file`."""
    kept = json.loads(file.read_bytes()) if file.is_file() else {}
    for contender in entrants:
        if contender.name in kept and contender.name != OURS:
            continue
        tried = []
        for settings in contender.grid:
            with _running(contender, settings) as server:
                tried.append((settings, searcher.look(contender, server, seconds)))
        kept[contender.name] = tried
        file.write_text(json.dumps(kept))
    return kept


def _best(tried: Tried) -> tuple[Settings, float]:
    return max(tried, key=lambda pair: pair[1])


def run(
    entrants: Sequence[Contender],
    prepared: Prepared,
    manifest: Manifest,
    options: argparse.Namespace,
) -> Result:
    """Look, then measure in rounds. Raises ServerError or OfferError."""
    searcher = _Searcher(prepared, slo_ms=options.slo, most=options.most)
    grid = prepared.directory / "grid.json"
    if options.look_again:
        grid.unlink(missing_ok=True)
    looked = _look(entrants, searcher, grid, options.look_seconds)
    near = {name: _best(tried)[1] for name, tried in looked.items()}
    best: list[Window] = []
    with ExitStack() as stack:
        servers = {
            c.name: stack.enter_context(_running(c, _best(looked[c.name])[0]))
            for c in entrants
        }
        for contender in entrants:
            searcher.warm(contender, servers[contender.name])
        for number in range(1, options.rounds + 1):
            # Every other round in reverse: none always follows the same neighbour.
            for contender in entrants[:: 1 if number % 2 else -1]:
                found = searcher.search(
                    contender,
                    servers[contender.name],
                    near[contender.name],
                    number=number,
                    seconds=options.seconds,
                )
                near[contender.name] = found.rate
                best.append(found)
        ran = [
            Ran(
                c.name,
                dict(_best(looked[c.name])[0]),
                [(dict(settings), rate) for settings, rate in looked[c.name]],
                servers[c.name].ready_seconds,
                servers[c.name].memory_mib(),
            )
            for c in entrants
        ]
    return Result(
        machine(),
        f"{manifest.name} {manifest.variant} {manifest.version}",
        len(prepared.known.texts),
        options.seconds,
        options.slo,
        ran,
        best,
        searcher.windows,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving",
        description="Compare an artifact's server with peers under open-loop load.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory, with steps/")
    parser.add_argument(
        "--rounds", type=int, default=6, help="6 or more give 95 %% (default: 6)"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="a window")
    parser.add_argument("--look-seconds", type=float, default=2.5, help="at first")
    parser.add_argument("--slo", type=float, default=100.0, metavar="MS", help="p99")
    parser.add_argument(
        "--most",
        type=float,
        default=5000.0,
        metavar="RATE",
        help="offer no more than this a second (default: 5000)",
    )
    parser.add_argument(
        "--look-again", action="store_true", help="search the peers' grids anew"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "build/bench-serving",
        help="for the peers' models and their grids (default: build/bench-serving)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all windows")
    parser.add_argument(
        "--write", action="store_true", help="write bench/serving/README.md and picture"
    )
    for side in ("build", "peers"):
        default = ROOT / f".venv/{side}/bin/python"
        parser.add_argument(f"--{side}-python", type=Path, default=default)
    return parser.parse_args()


def main() -> None:
    options = _options()
    pythons = {
        "build_python": options.build_python,
        "peers_python": options.peers_python,
    }
    try:
        manifest = read_manifest(options.artifact / "manifest.json")
        artifact, out = options.artifact.resolve(), options.out.resolve()
        prepared = prepare(artifact, manifest, out, **pythons)
        entrants = contenders(
            artifact, manifest.name, out, peers_python=options.peers_python
        )
        result = run(entrants, prepared, manifest, options)
    except (ManifestError, PrepareError, ServerError, OfferError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    if options.json:
        write_result(result, options.json)
    if options.write:
        write_result(result, HERE / "result.json")
        write_readme(result, HERE)
    print(table(result))
    if result.wrong_share(OURS):
        sys.exit("error: our own server gave wrong answers")


if __name__ == "__main__":
    main()

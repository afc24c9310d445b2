"""Whether the tests of the passes would notice: `python -m tests.model_build.mutations`.

Breaks one thing at a time (mutation_table.py) in a copy of the tracked files, and runs
the one test that is to fail for it. Before, those tests must pass on what is not broken.
A line for each: killed, as it should be; ALIVE, no test notices; or why nothing is known.
Exit code 1 unless all are killed, 2 if they cannot be tried.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.model_build.forked import TOO_LONG
from tests.model_build.mutation_table import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
PASSED, FAILED = 0, 1  # pytest's exit codes


class TryError(RuntimeError):
    """Mutations cannot be tried: what is not broken fails, or there is no Python."""


@dataclass(frozen=True)
class Verdict:
    mutation: Mutation
    verdict: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.verdict == "killed"

    def __str__(self) -> str:
        broken = self.mutation
        return f"{self.verdict:8} {self.seconds:5.1f} s  {broken} ({broken.file})"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    asked = [each for each in MUTATIONS if options.only in f"{each} {each.test}"]
    if not asked:
        print(f"error: --only: {options.only!r} is in no mutation", file=sys.stderr)
        return 2
    out = sys.stderr if options.json else sys.stdout
    found: list[Verdict] = []
    begun = time.monotonic()
    try:
        for verdict in tried(
            asked, options.python, options.timeout, trust=options.trust
        ):
            found.append(verdict)
            print(f"{len(found):3}/{len(asked)} {verdict}", file=out, flush=True)
    except TryError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    killed = sum(each.killed for each in found)
    seconds = time.monotonic() - begun
    print(f"{killed} of {len(found)} are killed ({seconds:.0f} s)", file=out)
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    return int(killed < len(found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model_build.mutations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        default="",
        help="those with TEXT in their pass, option, phrase or test",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="for one test (default: 300)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        default=ROOT / ".venv/build/bin/python",
        help="of the build environment (default: .venv/build/bin/python)",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="do not first see that the tests pass on what is not broken",
    )
    parser.add_argument("--json", action="store_true", help="the same, for a program")
    return parser


def tried(
    mutations: Sequence[Mutation], python: Path, timeout: float, *, trust: bool
) -> Iterator[Verdict]:
    """Try each; raises TryError where the tests fail on what is not broken.

    With `trust` that is not looked at.
    """
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy"
        copy_tracked(copy)
        with _tester(copy, python) as tester:
            tests = [] if trust else sorted({each.test for each in mutations})
            if tests and tester.exit_code(tests, timeout * len(tests)) != PASSED:
                raise TryError(f"tests fail already:\n{tester.said()}")
            for mutation in mutations:
                yield _tried(mutation, copy, tester, timeout)


def copy_tracked(copy: Path) -> None:
    """Copy what git tracks, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0")[:-1]:
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)


@dataclass(frozen=True)
class _Tester:
    process: subprocess.Popen[str]
    log: Path

    def exit_code(self, tests: Sequence[str], seconds: float) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"tests": tests, "seconds": seconds, "log": str(self.log)}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise TryError("the process that tests has ended")
        return int(answer)

    def said(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-20:])


@contextmanager
def _tester(copy: Path, python: Path) -> Iterator[_Tester]:
    if not python.is_file():
        raise TryError(f"--python: {python} is not there; run make install")
    # A broken file may be as old and as long as the whole one: no bytecode is kept.
    process = subprocess.Popen(
        [python, "-B", "-m", "tests.model_build.forked"],
        cwd=copy,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield _Tester(process, copy.parent / "log")
        finally:
            process.terminate()


def _tried(mutation: Mutation, copy: Path, tester: _Tester, timeout: float) -> Verdict:
    begun, path = time.monotonic(), copy / mutation.file
    whole = path.read_text()
    try:
        path.write_text(mutation.applied(whole))
        code = tester.exit_code([mutation.test], timeout)
        verdict = {PASSED: "ALIVE", FAILED: "killed", TOO_LONG: "too long"}.get(
            code, f"no verdict, pytest ends with {code}:\n{tester.said()}\n"
        )
    except ValueError as error:
        verdict = f"not applied: {error}"
    finally:
        path.write_text(whole)
    return Verdict(mutation, verdict, time.monotonic() - begun)


if __name__ == "__main__":
    sys.exit(main())

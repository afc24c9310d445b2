"""Synthesize what another commit deploys, to compare this tree's assembly with."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stacks.commands.archive import extract
from stacks.commands.checkout import ROOT, CommandError

EPILOG = """\
examples:
  python -m stacks base origin/main --out build/base
  python -m costs diff build/base cdk.out

The commit is unpacked into a temporary folder and synthesized there by its own code and
with its own stacks/releases, by the tools that are installed here. Nothing is fetched.
exit code: 0, 2 on an error
"""
PROGRAMS = ("synth.py", "app.py")  # what cdk.json runs, or ran
ASSEMBLY = "cdk.out"  # a file that every assembly has
SAID = 600  # characters of a failed synthesis: the end of what it said


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the assembly of a commit; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        synthesize(options.commit, options.out, root=options.root)
    except (CommandError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def synthesize(commit: str, out: Path, *, root: Path = ROOT) -> None:
    """Write to `out` what `cdk synth` makes of a commit. Raises CommandError.

    An assembly that is there is replaced; what is none is not touched.
    """
    tree = _archive(commit, root)
    out = out.resolve()
    check_out(out)
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="base-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(tree), mode="r:") as archive:
                extract(archive, Path(folder))
        except tarfile.TarError as error:
            raise CommandError(f"{commit}: has no files: {error}") from None
        _synth(commit, Path(folder), out)


def check_out(out: Path) -> None:
    """Raise CommandError for what is no assembly, or cannot be made one."""
    if out.exists() and not out.is_dir():
        raise CommandError(f"--out: {out}: is no folder")
    if out.is_dir() and any(out.iterdir()) and not (out / ASSEMBLY).is_file():
        raise CommandError(
            f"--out: {out}: holds something else than an assembly, and would be removed"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"--out: {out}: {error.strerror}") from None


def _archive(commit: str, root: Path) -> bytes:
    git = ["git", "-C", str(root)]
    try:
        named = ["rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"]
        known = subprocess.run([*git, *named], capture_output=True, check=False)
        if known.returncode:
            raise CommandError(
                f"{commit}: is no commit of {root}: name a branch, a tag or a commit that"
                " is there, or `git fetch` it first"
            )
        found = known.stdout.decode().strip()
        made = subprocess.run(
            [*git, "archive", found], capture_output=True, check=False
        )
    except FileNotFoundError:
        raise CommandError("git: no such program") from None
    if made.returncode:
        raise CommandError(f"git archive {commit}: {made.stderr.decode().strip()}")
    return made.stdout


def _synth(commit: str, folder: Path, out: Path) -> None:
    there = [name for name in PROGRAMS if (folder / name).is_file()]
    if not there:
        raise CommandError(f"{commit}: has neither of {', '.join(PROGRAMS)}")
    program = shlex.join([sys.executable, there[0]])
    command = ["cdk", "synth", "--quiet", "--output", str(out), "--app", program]
    environment = {"CDK_VALIDATION": "false", **os.environ}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CommandError(
            "cdk: no such program; put node_modules/.bin on PATH"
        ) from None
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-SAID:]
        raise CommandError(
            f"{commit}: does not synthesize with what is installed: {said}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks base",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("commit", help="a branch, tag or commit of this repository")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())

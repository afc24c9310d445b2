"""What people and pipelines type about releases, reviews, accounts and pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

# Each is the module of its name in stacks/commands: `main(arguments) -> exit code`.
COMMANDS: Mapping[str, str] = {
    "release": "put a model's newest build into stacks/releases",
    "rollback": "put a model's release before into stacks/releases",
    "check": "refuse releases that nobody could build again",
    "base": "synthesize another commit, to review a change against",
    "modes": "synthesize one model in every mode, to compare what they cost",
    "deployed": "fetch what an account runs, to review a change against",
    "review": "say what a change does: figures, resources, dollars",
    "comment": "write that to the pull request, updated in place",
    "preflight": "compare an account's quotas with what stages need",
    "train": "build a model as a SageMaker training job",
    "picture": "draw an assembly, prices included",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; each has a --help of its own. Return its exit code."""
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {use}" for name, use in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m stacks",
        description=__doc__,
        epilog=f"commands (python -m stacks COMMAND --help says more):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    given = sys.argv[1:] if arguments is None else list(arguments)
    asked = parser.parse_args(given[:1])
    return int(import_module(f"stacks.commands.{asked.command}").main(given[1:]))


if __name__ == "__main__":
    sys.exit(main())

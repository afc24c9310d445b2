"""Judge an assembly: `python -m checks cdk.out`, offline, in seconds.

Exit code 1 where something is wrong that nobody has acknowledged in writing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from checks.acknowledgements import ACKNOWLEDGED
from checks.judgement import Judgement, check, judge
from costs.assembly import AssemblyError


def main(arguments: list[str] | None = None) -> int:
    """Print what is wrong; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m checks", description=__doc__)
    parser.add_argument("assembly", type=Path, help="a directory that cdk synth wrote")
    parser.add_argument("--json", action="store_true", help="the same, for a program")
    parser.add_argument(
        "--stale",
        action="store_true",
        help="also fail on acknowledgements that nothing here needs",
    )
    options = parser.parse_args(arguments)
    try:
        judgement = judge(check(options.assembly), ACKNOWLEDGED)
    except AssemblyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(_json(judgement) if options.json else _text(judgement, options.stale))
    return int(bool(judgement.open or (options.stale and judgement.stale)))


def _text(judgement: Judgement, stale: bool) -> str:
    lines = [str(finding) for finding in judgement.open]
    if stale:
        lines += [
            f"acknowledgement {each.rule} at {each.where}: nothing needs it; take it out"
            for each in judgement.stale
        ]
    kept = Counter(by.owner for _, by in judgement.acknowledged)
    by = ", ".join(f"{owner} {count}" for owner, count in sorted(kept.items()))
    lines.append(
        f"{len(judgement.open)} findings; {len(judgement.acknowledged)} acknowledged"
        f" ({by})"
    )
    return "\n".join(lines)


def _json(judgement: Judgement) -> str:
    return json.dumps(
        {
            "open": [asdict(finding) for finding in judgement.open],
            "acknowledged": [
                {**asdict(finding), "reason": by.reason, "owner": by.owner}
                for finding, by in judgement.acknowledged
            ],
            "stale": [asdict(each) for each in judgement.stale],
        },
        indent=2,
    )


if __name__ == "__main__":
    sys.exit(main())

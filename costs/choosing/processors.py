"""How fast a vCPU of each kind is, beside the one that a manifest was measured on.

Nobody has run Lathe's engines on these machines, so each factor is a range: what is
chosen holds at its low end. A release that was measured on AWS replaces all of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """Requests a vCPU answers, as a multiple of those of the measured one."""

    low: float
    expected: float
    high: float
    basis: str


_ROADMAP = "https://github.com/aws/containers-roadmap/issues"

FARGATE: Mapping[str, Speed] = {
    "x86": Speed(
        0.7, 1.0, 1.4,
        "a thread of an x86 server, as the measured one is; Fargate draws from several"
        f" generations, 30 % apart where users compared them ({_ROADMAP}/2019)",
    ),
    "ARM": Speed(
        0.5, 0.9, 1.4,
        f"a Graviton2 or 3 core, whichever comes ({_ROADMAP}/2230, 2024-12);"
        " ASSUMPTION: no engine of ours was measured on either",
    ),
}  # fmt: skip
LAMBDA = Speed(
    0.6, 0.9, 1.2,
    "1,769 MB are one x86 vCPU (AWS Lambda developer guide); ASSUMPTION: a little"
    " slower than a thread of one's own",
)  # fmt: skip

_XEON = "a thread of a Xeon with VNNI; ASSUMPTION: gains nothing from it at the low end"
_GRAVITON = "a Graviton3 core, with int8 matrix instructions; ASSUMPTION, not measured"
FAMILIES: Mapping[str, Speed] = {
    "c6i": Speed(0.85, 1.1, 1.8, _XEON),
    "c7i": Speed(0.9, 1.2, 2.2, _XEON),
    "m7i": Speed(0.85, 1.15, 2.2, _XEON),
    "c7g": Speed(0.6, 1.0, 1.8, _GRAVITON),
    "m7g": Speed(0.6, 1.0, 1.8, _GRAVITON),
}

# All of them, by how the names of machines begin.
SPEEDS: Mapping[str, Speed] = {
    **{f"Fargate {name}": speed for name, speed in FARGATE.items()},
    **FAMILIES,
    "Lambda": LAMBDA,
}

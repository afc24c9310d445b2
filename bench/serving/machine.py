"""What a figure was measured on."""

from __future__ import annotations

import os
from pathlib import Path


def machine() -> str:
    """Return the processor, its integer instructions and the cores in use."""
    fields = {
        name.strip(): value.strip()
        for name, _, value in (
            line.partition(":")
            for line in Path("/proc/cpuinfo").read_text().splitlines()
        )
    }
    flags = fields.get("flags", "").split()
    best = next((f for f in ("avx512_vnni", "avx2") if f in flags), "no AVX2")
    cores = len(os.sched_getaffinity(0))
    return f"{fields.get('model name', 'unknown processor')} ({best}), {cores} cores"

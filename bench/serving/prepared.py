"""What a run needs beside the artifact: the texts, the peers' models, their answers.

Made once for an artifact, in the environments that have what it takes.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.serving.known import Known, read_known
from bench.serving.offered import Question
from manifest import Manifest
from model_build.sources import file_digest

ROOT = Path(__file__).parents[2]
MADE_BY = (
    Path(__file__).with_name("known.py"),
    Path(__file__).parent / "peers/export.py",
)


class PrepareError(Exception):
    """Something is missing that a run compares with."""


@dataclass(frozen=True)
class Prepared:
    directory: Path
    known: Known
    answers: dict[str, list[str]]  # by whose they are, a label a text

    def questions(self, whose: str) -> list[Question]:
        pairs = zip(self.known.texts, self.answers[whose], strict=True)
        return [Question(text, label) for text, label in pairs]


def prepare(
    artifact: Path,
    manifest: Manifest,
    out: Path,
    *,
    build_python: Path,
    peers_python: Path,
) -> Prepared:
    """Return what stands in `out`, made now if it is of another version or by older code."""
    stamp = out / "of.json"
    of = [manifest.version, *map(file_digest, MADE_BY)]
    if not stamp.is_file() or json.loads(stamp.read_bytes()) != of:
        out.mkdir(parents=True, exist_ok=True)
        known = _run(build_python, "bench.serving.known", str(artifact))
        (out / "known.json").write_text(known)
        words = [str(artifact), "--known", str(out / "known.json"), "--out", str(out)]
        print(_run(peers_python, "bench.serving.peers.export", *words), end="")
        (out / "grid.json").unlink(missing_ok=True)
        stamp.write_text(json.dumps(of))
    known_now = read_known(out / "known.json")
    peers = json.loads((out / "answers.json").read_bytes())
    answers = {name: held["labels"] for name, held in peers.items()}
    answers["artifact"] = known_now.answers(manifest.variant)
    return Prepared(out, known_now, answers)


def _run(python: Path, module: str, *words: str) -> str:
    if not python.is_file():
        raise PrepareError(f"{python}: not there; make install peers")
    child = subprocess.run(
        [str(python), "-m", module, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        last = (child.stderr.strip() or f"ended with {child.returncode}").splitlines()
        raise PrepareError(f"{module}: {last[-1]}")
    return child.stdout

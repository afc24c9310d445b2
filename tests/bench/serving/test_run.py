"""A whole small run, against real servers of the tiny artifact."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bench.server import READY, litert_command, serve
from bench.serving.__main__ import run
from bench.serving.contenders import OURS, Contender
from bench.serving.known import Known
from bench.serving.prepared import Prepared, PrepareError, prepare
from bench.serving.result import Result
from bench.serving.table import table
from containers.flask.task import Item, load_task
from manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[3]
TINY = ROOT / "tests" / "containers" / "tiny"
TEXTS = ["my bag never arrived", "thank you", "where is my order, please?"]

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return read_manifest(TINY / "manifest.json")


def answers(manifest: Manifest) -> list[str]:
    """What the engine says of each text alone."""
    import numpy as np

    from containers.flask.engine import load_engine

    engine, task = load_engine(manifest, TINY, 1), load_task(manifest, TINY)
    found = []
    for encoded in task.encode([Item(text) for text in TEXTS]):
        ids = encoded.rows[0]
        length = next(n for n in manifest.lengths if n >= len(ids))
        row = np.array([ids + [0] * (length - len(ids))], np.int32)
        found.append(str(task.answer(encoded, [engine.run(row)[0]])["label"]))
    return found


def ran(prepared: Prepared, manifest: Manifest, *names: str) -> Result:
    command = tuple(litert_command(TINY, python=Path(sys.executable)))
    path = f"/v1/models/{manifest.name}:predict"
    same = {"path": path, "dialect": "predict", "answers": "artifact"}
    entrants = [
        Contender(name, command, environment={"CACHE_MIB": "0"}, **same)  # type: ignore[arg-type]
        for name in names
    ]
    options = argparse.Namespace(
        slo=1000.0, look_again=False, look_seconds=0.3, rounds=1, seconds=0.3, most=60.0
    )
    result = run(entrants, prepared, manifest, options)
    assert {w.server for w in result.best} == {*names}
    assert all(w.passes(1000) and w.rate <= 60 for w in result.best)
    assert not any(w.failed or w.lost for w in result.windows)
    assert all(server.memory_mib > 20 for server in result.servers)
    return result


def test_searches_each_server_and_holds_it_to_the_known_answers(
    manifest: Manifest, tmp_path: Path
) -> None:
    known = Known(list(manifest.labels), TEXTS, {})
    right = Prepared(tmp_path, known, {"artifact": answers(manifest)})
    result = ran(right, manifest, OURS, "the same again")
    assert result.wrong_share(OURS) == 0
    assert "the same again" in table(result)
    looked = json.loads((tmp_path / "grid.json").read_text())
    assert looked.keys() == {OURS, "the same again"}
    wrong = Prepared(tmp_path, known, {"artifact": ["no such label"] * len(TEXTS)})
    assert ran(wrong, manifest, OURS).wrong_share(OURS) == 1


def test_prints_the_tax_of_a_real_server(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.write_text("\n".join(TEXTS))
    child = subprocess.run(
        [
            *(sys.executable, "-m", "bench.serving.tax", str(TINY), "--json"),
            *("--texts", str(texts), "--rounds", "1", "--seconds", "1"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    tax = json.loads(child.stdout)
    assert 0 < tax["engine_us"] < tax["server_us"]
    assert tax["tax_us"] > 0


def test_says_in_one_line_what_to_install(manifest: Manifest, tmp_path: Path) -> None:
    absent = tmp_path / "python"
    with pytest.raises(PrepareError, match=r"python: not there; make install peers$"):
        prepare(TINY, manifest, tmp_path, build_python=absent, peers_python=absent)


def test_servers_that_compute_nothing_answer_all_the_same(manifest: Manifest) -> None:
    command = [sys.executable, "-m", "bench.serving.bare", str(TINY), "--run"]
    path = f"/v1/models/{manifest.name}:predict"
    body = json.dumps({"instances": TEXTS[:1]}).encode()
    said = []
    for kind, ready in (("ours", READY), ("constant", "/")):
        with serve([*command, kind], ready_path=ready) as server:
            url = f"http://127.0.0.1:{server.port}{path}"
            with urllib.request.urlopen(url, body, timeout=10) as answer:
                said.append(json.load(answer)["predictions"])
    assert said == [
        [{"label": manifest.labels[0], "score": 1.0}],
        [{"label": "none", "score": 1.0}],
    ]

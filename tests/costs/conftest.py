from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from costs.bill import Bill, Line, bill
from costs.reading import read_assembly
from costs.usage import Usage
from tests.costs.samples import Resources, Stages, write_assembly

GOLDEN = Path(__file__).parent / "golden"

Billed = Callable[..., Bill]
BilledLine = Callable[..., Line]
MatchesGolden = Callable[..., None]


@pytest.fixture
def billed(tmp_path_factory: pytest.TempPathFactory) -> Billed:
    """The bill of stages written by hand."""

    def run(stages: Stages, usage: Usage | None = None) -> Bill:
        directory = write_assembly(tmp_path_factory.mktemp("cdk.out"), stages)
        return bill(read_assembly(directory), usage or Usage())

    return run


@pytest.fixture
def billed_line(billed: Billed) -> BilledLine:
    """The line of the resource `It` in one stack."""

    def run(resources: Resources, usage: Usage | None = None) -> Line:
        found = billed({"dev": {"dev-one": resources}}, usage)
        return next(line for line in found.lines if line.logical_id == "It")

    return run


@pytest.fixture
def matches_golden(request: pytest.FixtureRequest) -> MatchesGolden:
    """Compare with a committed file that a reviewer reads."""

    def check(text: str, name: str, folder: Path = GOLDEN) -> None:
        path = folder / name
        if request.config.getoption("--write-golden", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check

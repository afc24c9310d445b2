"""The picture in the README is drawn from what is synthesized, and says what it costs."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from costs.bill import bill
from costs.reading import read_assembly
from costs.usage import Usage
from stacks.commands.architecture import describe
from stacks.commands.picture import main, picture
from stacks.config import deployment
from tests.conftest import ManifestFactory
from tests.stacks.conftest import synthesize, write_release

COMMITTED = Path(__file__).parents[2] / "docs" / "architecture.svg"


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> Path:
    """What `cdk deploy --all` deploys once every endpoint has its release."""
    folder = tmp_path_factory.mktemp("picture")
    for stage in deployment().stages:
        write_release(folder / "releases", stage.name, make_manifest())
    return synthesize(folder / "cdk.out", folder / "releases", deployment())


def test_the_committed_picture_is_of_the_committed_stacks(
    deployed: Path, request: pytest.FixtureRequest
) -> None:
    drawn = picture(deployed)
    if request.config.getoption("--write-golden"):
        COMMITTED.write_text(drawn, encoding="utf-8")
    assert drawn == COMMITTED.read_text(encoding="utf-8"), "look at it: make picture"


def test_every_stack_has_a_box_with_its_price(deployed: Path) -> None:
    drawn = picture(deployed)
    ElementTree.fromstring(drawn)
    templates = list(deployed.glob("*.template.json"))
    assert drawn.count('class="box"') == len(templates)
    assert drawn.count('class="price"') == len(templates)
    assert re.search(r"\$[\d.]+ to [\d.,]+ a month", drawn)


def test_arrows_say_what_a_stack_takes_from_another(deployed: Path) -> None:
    drawn = picture(deployed)
    for what in ("addresses", "capacity", "images"):
        assert re.search(rf'class="what"[^>]*>[^<]*{what}', drawn), what


def test_a_folder_that_is_no_assembly_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), str(tmp_path / "out.svg")]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/manifest.json")


def test_a_function_that_serves_says_how_large_it_is_and_how_many_run(
    assembly: Path,
) -> None:
    read = read_assembly(assembly)
    boxes = {
        each.stack: each.lines for each in describe(read, bill(read, Usage())).boxes
    }
    lines = boxes["demo-endpoint-function"]
    assert "function: 1,769 MB, 20 at once" in lines
    assert "check function" not in lines

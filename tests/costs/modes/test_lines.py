from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from costs.__main__ import main
from costs.modes.comparison import Comparison
from costs.modes.lines import modes_picture


def test_every_mode_has_a_line_and_each_break_even_a_ring(found: Comparison) -> None:
    drawn = list(ET.fromstring(modes_picture(found)).iter())
    texts = [each.text for each in drawn if each.text]
    assert {way.mode.name for way in found.ways} <= set(texts)
    ends = {
        span.to_requests
        for envelope in found.envelopes
        for span in envelope.spans
        if span.to_requests
    }
    rings = [each for each in drawn if each.tag.endswith("circle")]
    assert len(rings) == len(ends) > 0
    assert "asked" not in texts


def test_a_picture_that_cannot_be_written_is_named(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = assembly / "no" / "modes.svg"
    assert main(["modes", str(assembly), "--picture", str(where)]) == 2
    assert f"{where}: cannot be written" in capsys.readouterr().err

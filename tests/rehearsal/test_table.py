from __future__ import annotations

from dataclasses import replace

from rehearsal.result import Finding, Phase
from rehearsal.table import as_text
from tests.rehearsal.test_recognition import REHEARSAL


def test_the_table_has_a_line_a_type_and_says_its_limits() -> None:
    text = as_text(REHEARSAL)
    assert "AWS::EC2::VPC      1          1" in text
    assert "release    dev m-1: arn" in text
    assert "create       1.0 s  1 of 1 resources read back as asked" in text
    assert "runs no container" in text
    assert text.splitlines()[-1].startswith("passed: 1 of 1 resources in 1 stacks")


def test_a_difference_is_said_in_full_and_last() -> None:
    finding = Finding("dev-network", "Vpc", "AWS::EC2::VPC", "CidrBlock", "a", "b")
    failed = replace(REHEARSAL, phases=(Phase("update", 1.0, (), (finding,)),))
    lines = as_text(failed).splitlines()
    assert lines[-2] == (
        "DIFFERENCE  update: dev-network Vpc (AWS::EC2::VPC): CidrBlock: "
        "expected 'a', found 'b'"
    )
    assert lines[-1].startswith("FAILED: 1 difference")

from __future__ import annotations

from typing import Any

from rehearsal.account import Account
from rehearsal.readers.reading import Reading
from rehearsal.result import by_type
from rehearsal.template import Scope
from rehearsal.verdict import check
from tests.rehearsal.conftest import resource

SCOPE = Scope("dev-plain", Account("http://127.0.0.1:1"), {}, {})
REPOSITORY = "AWS::ECR::Repository"


def _check(kind: str, asked: dict[str, Any], found: dict[str, Any] | None) -> Any:
    reading = None if found is None else Reading(found)
    return check(resource(kind, asked), "id", reading, SCOPE)


def test_a_planted_difference_names_resource_property_expected_and_found() -> None:
    checked = _check(
        REPOSITORY,
        {"ImageTagMutability": "IMMUTABLE"},
        {"ImageTagMutability": "MUTABLE"},
    )
    assert checked.verdict == "different"
    assert str(checked.findings[0]) == (
        "dev-plain Thing (AWS::ECR::Repository): ImageTagMutability: "
        "expected 'IMMUTABLE', found 'MUTABLE'"
    )


def test_a_resource_that_cannot_be_found_is_different() -> None:
    checked = _check(REPOSITORY, {"ImageTagMutability": "IMMUTABLE"}, None)
    assert checked.verdict == "different"
    assert checked.findings[0].found == "nothing"


def test_a_property_that_nobody_read_is_not_claimed() -> None:
    checked = _check(REPOSITORY, {"A": 1, "B": 2}, {"A": 1})
    assert checked.verdict == "read back"
    assert checked.compared == ("A",)
    assert checked.uncompared == {"B": "not read back"}


def test_a_property_that_cannot_be_worked_out_is_not_claimed() -> None:
    checked = _check(REPOSITORY, {"A": {"Fn::If": ["C", 1, 2]}}, {"A": 1})
    assert checked.uncompared == {"A": "Fn::If is not known here"}


def test_what_our_handlers_only_note_is_recorded_only() -> None:
    target = "AWS::ApplicationAutoScaling::ScalableTarget"
    assert _check(target, {"MinCapacity": 1}, None).verdict == "recorded only"


def test_an_alarm_is_recorded_only_where_it_watches_an_expression() -> None:
    kind = "AWS::CloudWatch::Alarm"
    assert _check(kind, {"Metrics": []}, None).verdict == "recorded only"
    assert _check(kind, {"Period": 60}, {"Period": 60}).verdict == "read back"


def test_a_type_without_a_reader_is_not_covered() -> None:
    assert _check("AWS::Nobody::Reads", {}, None).verdict == "not covered"


def test_types_are_counted_by_verdict_and_property() -> None:
    checked = (
        _check(REPOSITORY, {"A": 1, "B": 2}, {"A": 1}),
        _check(REPOSITORY, {"A": 1}, {"A": 2}),
        _check("AWS::Nobody::Reads", {"A": 1}, None),
    )
    repository, nobody = by_type(checked)
    assert (nobody.count, nobody.not_covered, nobody.compared) == (1, 1, 0)
    assert (repository.read_back, repository.different) == (1, 1)
    assert (repository.compared, repository.properties) == (2, 3)

from __future__ import annotations

from typing import Any

from rehearsal.assembly import Stack
from rehearsal.changes import changes
from rehearsal.inspection import Deployed, Inspection
from rehearsal.readers.reading import Reading
from tests.rehearsal.conftest import resource

KIND = "AWS::SSM::Parameter"


def _seen(
    asked: dict[str, Any],
    found: dict[str, Any],
    physical_id: str = "id",
    given: dict[str, Any] | None = None,
) -> tuple[Inspection, ...]:
    item = resource(KIND, asked)
    deployed = Deployed(
        item, physical_id, asked if given is None else given, Reading(found)
    )
    stack = Stack("dev-plain", "dev/plain", "", {}, (item,))
    return (Inspection(stack, "UPDATE_COMPLETE", (deployed,), ()),)


def test_nothing_changes_without_a_change() -> None:
    before = _seen({"Value": "a"}, {"Value": "a"})
    assert changes(before, before) == ((), ())


def test_what_the_template_asks_for_is_a_change_and_no_difference() -> None:
    changed, unasked = changes(
        _seen({"Value": "a"}, {"Value": "a"}), _seen({"Value": "b"}, {"Value": "b"})
    )
    assert [item.resource.type for item in changed] == [KIND]
    assert unasked == ()


def test_a_reference_to_what_was_replaced_asks_for_a_change() -> None:
    asked = {"Value": {"Ref": "Other"}}
    before = _seen(asked, {"Value": "v1"}, given={"Value": "v1"})
    after = _seen(asked, {"Value": "v2"}, given={"Value": "v2"})
    changed, unasked = changes(before, after)
    assert (len(changed), unasked) == (1, ())


def test_what_nobody_asked_for_is_a_difference_that_names_the_property() -> None:
    asked = {"Value": "a"}
    _, (finding,) = changes(_seen(asked, {"Value": "a"}), _seen(asked, {"Value": "b"}))
    assert finding.property == "Value, as its template did not change"
    assert (finding.expected, finding.found) == ("a", "b")


def test_a_replacement_that_nobody_asked_for_is_a_difference() -> None:
    before = _seen({"Value": "a"}, {"Value": "a"}, "one")
    _, (finding,) = changes(before, _seen({"Value": "a"}, {"Value": "a"}, "two"))
    assert (finding.expected, finding.found) == ("one", "two")


def test_what_is_gone_is_a_difference() -> None:
    _, (finding,) = changes(_seen({"Value": "a"}, {"Value": "a"}), ())
    assert finding.found == "gone"

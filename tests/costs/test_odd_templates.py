"""Whatever stands in a file of an assembly, a bill is printed or one line says why not."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costs.__main__ import main
from costs.bill import bill
from costs.reading import read_assembly
from costs.usage import Usage
from tests.costs.samples import registry, resource, stages, write_assembly
from tests.costs.worked import CASES

ODD = (
    None, 0, -1, 1e308, float("nan"), "inf", "", "x", "9", [], {}, [1], ["x"], [[]], {"x": {}}, True,
    {"Ref": "Nobody"}, {"Ref": "AWS::AccountId"}, {"Fn::Sub": 3}, {"Fn::GetAtt": "a"},
    {"Fn::Join": [",", [1, {}]]}, {"Fn::Select": [9, ["a"]]}, {"Fn::If": ["x", 1, 2]},
)  # fmt: skip


def places(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested tables and lists, as keys from the top."""
    yield path
    items = found.items() if isinstance(found, dict) else ()
    items = enumerate(found) if isinstance(found, list) else items
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(found: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = found.copy()
    copy[path[0]] = replaced(found[path[0]], path[1:], odd)
    return copy


def said(*arguments: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        return main(list(arguments)), err.getvalue()


def is_a_bill_or_one_line(code: int, err: str) -> bool:
    if code == 0:
        return not err
    return code == 2 and err.startswith("error: ") and err.count("\n") == 1


@settings(max_examples=150)
@given(st.data())
def test_an_odd_value_in_a_template_is_a_bill_of_figures_or_one_line(data: Any) -> None:
    case = data.draw(st.sampled_from(sorted(CASES)))
    body = {"Resources": CASES[case][0]}
    path = data.draw(st.sampled_from(list(places(body))[1:]))
    odd = replaced(body, path, data.draw(st.sampled_from(ODD)))
    with TemporaryDirectory() as folder:
        where = write_assembly(Path(folder) / "cdk.out", {"dev": {"one": odd}})
        code, err = said("bill", str(where))
        assert is_a_bill_or_one_line(code, err)
        if code == 0:
            paid = bill(read_assembly(where), Usage()).monthly
            assert all(0 <= usd < math.inf for usd in paid.ends)


@settings(max_examples=80)
@given(st.data())
def test_an_odd_value_anywhere_in_an_assembly_is_no_traceback(data: Any) -> None:
    with TemporaryDirectory() as folder:
        where = write_assembly(Path(folder) / "cdk.out", stages())
        file = data.draw(st.sampled_from(sorted(where.rglob("*.json"))))
        content = json.loads(file.read_text())
        path = data.draw(st.sampled_from(list(places(content))))
        odd = replaced(content, path, data.draw(st.sampled_from(ODD)))
        file.write_text(json.dumps(odd))
        assert is_a_bill_or_one_line(*said("bill", str(where), "--json"))


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b'{"artifacts": 3}']
)
def test_a_file_that_is_no_assembly_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    code, err = said("bill", str(tmp_path))
    assert code == 2
    assert is_a_bill_or_one_line(code, err)
    assert str(tmp_path) in err


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"a = [1", b"[builds_per_month]\n"]
)
def test_odd_assumptions_are_one_line(content: bytes, tmp_path: Path) -> None:
    where = write_assembly(tmp_path / "cdk.out", {"dev": {"one": registry()}})
    usage = tmp_path / "usage.toml"
    usage.write_bytes(content)
    code, err = said("bill", str(where), "--usage", str(usage))
    assert is_a_bill_or_one_line(code, err)
    assert (code == 0) == (content == b"")  # an empty file replaces nothing
    assert said("bill", str(where), "--usage", str(tmp_path))[0] == 2


def test_what_is_nested_too_deeply_or_in_a_circle_is_one_line(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"Fn::Join": ["", [deep]]}
    circle = {"Fn::If": ["This", True, False]}
    conditions = {"This": {"Condition": "That"}, "That": {"Condition": "This"}}
    for place, value in enumerate((deep, circle)):
        queue = resource("SQS::Queue", FifoQueue=value)
        stack = {"Resources": {"Queue": queue}, "Conditions": conditions}
        where = write_assembly(tmp_path / str(place), {"dev": {"one": stack}})
        code, err = said("bill", str(where))
        assert (code, err.count("\n")) == (2, 1)
        assert "nested too deeply, or in a circle" in err


def test_a_tag_that_only_a_deployment_knows_is_no_obstacle(tmp_path: Path) -> None:
    tags = [{"Key": "account", "Value": {"Ref": "AWS::AccountId"}}]
    queue = resource("SQS::Queue", Tags=tags)
    where = write_assembly(tmp_path / "cdk.out", {"dev": {"one": {"Queue": queue}}})
    assert said("bill", str(where), "--by", "account") == (0, "")
    (line,) = bill(read_assembly(where), Usage()).lines
    assert line.tags == {"account": ""}

"""The Open Inference Protocol's bodies: what is read, what is refused, what is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from containers.flask.inference import describe, read_infer, shape_infer
from tests.conftest import ManifestFactory

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def tensor(*texts: Any, **changes: Any) -> dict[str, Any]:
    shape = [len(texts)]
    whole = {"name": "text", "shape": shape, "datatype": "BYTES", "data": list(texts)}
    return {**whole, **changes}


def body(*tensors: Any, **others: Any) -> bytes:
    return json.dumps({"inputs": list(tensors), **others}).encode()


def test_an_answer_has_a_tensor_for_each_thing_said(
    make_manifest: ManifestFactory,
) -> None:
    request = read_infer(body(tensor("bad", "güt"), id="7"), max_batch=2)
    assert request.instances == ["bad", "güt"]
    predictions = [
        {"label": "negative", "score": 0.9},
        {"label": "positive", "score": 0.75},
    ]
    assert json.loads(
        json.dumps(shape_infer(request, predictions, make_manifest()))
    ) == {
        "model_name": "support-sentiment",
        "model_version": "3f1c9a07be24",
        "id": "7",
        "outputs": [
            {
                "name": "label",
                "shape": [2],
                "datatype": "BYTES",
                "data": ["negative", "positive"],
            },
            {"name": "score", "shape": [2], "datatype": "FP32", "data": [0.9, 0.75]},
        ],
    }


def test_only_the_outputs_asked_for_are_answered_and_in_that_order(
    make_manifest: ManifestFactory,
) -> None:
    request = read_infer(
        body(tensor("a"), outputs=[{"name": "score"}, {"name": "label"}]), max_batch=1
    )
    assert request.outputs == ("score", "label")
    only = read_infer(body(tensor("a"), outputs=[{"name": "score"}]), max_batch=1)
    answer = shape_infer(only, [{"label": "x", "score": 0.5}], make_manifest())
    assert [output["name"] for output in answer["outputs"]] == ["score"]
    assert "id" not in answer


@pytest.mark.parametrize("data", [["a", "b"], [["a"], ["b"]]], ids=["flat", "nested"])
def test_a_column_is_answered_with_columns(data: list[Any]) -> None:
    request = read_infer(body(tensor(*data, shape=[2, 1])), max_batch=2)
    assert (request.instances, request.shape) == (["a", "b"], (2, 1))


def test_what_tools_send_besides_is_no_reason_to_refuse() -> None:
    sent = body(
        tensor("a", parameters={"content_type": "str"}),
        id=None,
        parameters={"priority": 1},
        outputs=[],
    )
    assert read_infer(sent, max_batch=1).instances == ["a"]


def test_a_question_comes_with_its_context(make_manifest: ManifestFactory) -> None:
    context, question = tensor("It is red.", name="context"), tensor("What?")
    question["name"] = "question"
    request = read_infer(
        body(context, question), max_batch=1, task="question-answering"
    )
    assert request.instances == [{"question": "What?", "context": "It is red."}]
    assert request.outputs == ("answer", "score", "start", "end")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"\xff", "body: not UTF-8 at byte 0"),
        (b"{", "body: not JSON"),
        (b"[]", "body: a list is not an object"),
        (b"{}", "inputs: null is not a list; wanted"),
        (body(), "inputs: 0 given, text wanted"),
        (body(tensor("a"), tensor("b")), "inputs: 2 given, text wanted"),
        (body("a"), "inputs[0]: a string is not an object"),
        (body(tensor("a"), input=1), "body: 'input' is not one of id, inputs, outputs"),
        (body(tensor("a", name="txt")), "inputs[0].name: 'txt' is not text"),
        (body(tensor("a", name=["text"])), "inputs[0].name: ['text'] is not text"),
        (
            body(tensor("a", datatype="FP32")),
            "inputs[0].datatype: 'FP32' is not 'BYTES'",
        ),
        (body(tensor("a", shape=[2])), "inputs[0].shape: [2] is not [1] or [1, 1]"),
        (body(tensor("a", shape=[True])), "inputs[0].shape: [True] is not [1]"),
        (body(tensor("a", shape=1)), "inputs[0].shape: 1 is not [1]"),
        (body(tensor("a", data="a")), "inputs[0].data: a string is not a list"),
        (body(tensor()), "inputs[0].data: 0 given, 1 to 3 allowed"),
        (body(tensor(*"abcd")), "inputs[0].data: 4 given, 1 to 3 allowed"),
        (body(tensor("a", 1)), "inputs[0].data[1]: a number is not a string"),
        (body(tensor(["a"], shape=[1])), "inputs[0].data[0]: a list is not a string"),
        (body(tensor("a", " ")), "inputs[0].data[1]: empty text"),
        (body(tensor("\ud83d")), "inputs[0].data[0]: a lone surrogate"),
        (
            body(tensor("a", parameters={"binary_data_size": 9})),
            "inputs[0].parameters: binary tensors are not read",
        ),
        (body(tensor("a", bytes=1)), "inputs[0]: 'bytes' is not one of data"),
        (body(tensor("a"), id=7), "id: a number is not a string"),
        (body(tensor("a"), id="i" * 257), "id: 257 characters, 256 allowed"),
        (body(tensor("a"), id="\udfff"), "id: a lone surrogate"),
        (body(tensor("a"), parameters=[]), "parameters: a list is not an object"),
        (body(tensor("a"), outputs={}), "outputs: an object is not a list"),
        (
            body(tensor("a"), outputs=[{"name": "logits"}]),
            "outputs[0].name: 'logits' is not label or score",
        ),
        (
            body(tensor("a"), outputs=[{"name": "label"}] * 9),
            "outputs: 9 given, at most 2 allowed",
        ),
        (
            body(
                tensor("a"),
                outputs=[{"name": "label", "parameters": {"binary_data": True}}],
            ),
            "outputs[0].parameters: answers are not binary",
        ),
    ],
)
def test_says_where_a_bad_request_is_wrong(sent: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_infer(sent, max_batch=3)
    assert message in (refused.value.description or "")
    assert len(refused.value.description or "") < 300


def test_a_pair_is_two_tensors_in_any_order() -> None:
    sent = body(tensor("b", "d", name="pair"), tensor("a", "c"))
    request = read_infer(sent, max_batch=3, task="pair-classification")
    assert request.instances == [{"text": "a", "pair": "b"}, {"text": "c", "pair": "d"}]
    assert request.outputs == ("label", "score")
    with pytest.raises(BadRequest, match="1 given, text, pair wanted"):
        read_infer(body(tensor("a")), max_batch=3, task="pair-classification")


def test_as_many_questions_as_contexts_are_wanted() -> None:
    sent = body(tensor("a", "b", name="question"), tensor("c", name="context"))
    with pytest.raises(BadRequest, match="question 2, context 1 instances"):
        read_infer(sent, max_batch=3, task="question-answering")


def read_or_refused(sent: bytes) -> str:
    """Return the reason for a refusal, or nothing; any other exception is a defect."""
    try:
        assert read_infer(sent, max_batch=1).instances == ["a"]
    except BadRequest as error:
        return error.description or "no reason"
    return ""


@given(st.dictionaries(st.sampled_from(["id", "parameters", "outputs"]), json_values))
def test_whatever_stands_beside_the_inputs_is_read_or_refused(
    others: dict[str, Any],
) -> None:
    reason = read_or_refused(body(tensor("a"), **others))
    assert not reason or reason.startswith(tuple(others))


@given(st.dictionaries(st.sampled_from(sorted(tensor("a"))), json_values))
def test_whatever_a_tensor_holds_is_read_or_refused(changes: dict[str, Any]) -> None:
    reason = read_or_refused(body(tensor("a", **changes)))
    assert not reason or reason.startswith("inputs[0]")


def test_metadata_names_what_goes_in_and_comes_out(
    make_manifest: ManifestFactory,
) -> None:
    metadata = describe(make_manifest())
    assert metadata["versions"] == ["3f1c9a07be24"]
    assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert [each["name"] for each in metadata["outputs"]] == ["label", "score"]

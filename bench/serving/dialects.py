"""How the servers under measurement are asked, and where their label stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

Decode = Callable[[bytes], str | None]


class Dialect(NamedTuple):
    """`decode` returns the label of the one text, or None where none stands."""

    encode: Callable[[str], bytes]
    decode: Decode


class _Prediction(msgspec.Struct):
    label: str


class _Predictions(msgspec.Struct):
    predictions: list[_Prediction]


class _Output(msgspec.Struct):
    name: str
    data: list[Any]


class _Outputs(msgspec.Struct):
    outputs: list[_Output]


_predictions = msgspec.json.Decoder(_Predictions)
_labels = msgspec.json.Decoder(list[str])
_outputs = msgspec.json.Decoder(_Outputs)


def _instances(text: str) -> bytes:
    return json.dumps({"instances": [text]}).encode()


def _predicted(body: bytes) -> str | None:
    try:
        predictions = _predictions.decode(body).predictions
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return predictions[0].label if len(predictions) == 1 else None


def _inputs(text: str) -> bytes:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
    return json.dumps({"inputs": [tensor]}).encode()


def _inferred(body: bytes) -> str | None:
    try:
        outputs = _outputs.decode(body).outputs
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    labels = next((o.data for o in outputs if o.name == "label"), [])
    return labels[0] if len(labels) == 1 and isinstance(labels[0], str) else None


def _texts(text: str) -> bytes:
    return json.dumps({"texts": [text]}).encode()


def _listed(body: bytes) -> str | None:
    try:
        labels = _labels.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return labels[0] if len(labels) == 1 else None


DIALECTS = {
    "predict": Dialect(_instances, _predicted),
    "infer": Dialect(_inputs, _inferred),
    "texts": Dialect(_texts, _listed),  # BentoML: the function's own arguments
}

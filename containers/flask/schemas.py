"""The schemas of requests and answers: a request is valid exactly if it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from containers.flask.inference import INPUTS, MAX_ID, OUTPUTS
from manifest import Manifest

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
# Something besides white space: an empty text is refused.
_TEXT: Schema = {"type": "string", "minLength": 1, "pattern": r"[^\s\x1c-\x1f\x85]"}
_PARAMETERS: Schema = {
    "type": ["object", "null"],
    "description": "Nothing in it means anything to this server.",
}
_TYPES: Mapping[str, Schema] = {
    "BYTES": {"type": "string"},
    "FP32": {"type": "number"},
    "INT32": {"type": "integer"},
}


def schemas(manifest: Manifest) -> dict[str, Schema]:
    """Return every schema of the document by its name."""
    identity = {
        "model": {"const": manifest.name},
        "version": {"const": manifest.version},
    }
    ready = {"ready": {"type": "boolean"}}
    return {
        "Error": _object({"error": _STRING, **identity}, required=["error"]),
        "Live": _object({"live": {"const": True}, **identity}),
        "Ready": _object({**ready, **identity}),
        "ModelReady": _object({"name": {"const": manifest.name}, **ready}),
        "Server": _object(
            {"name": _STRING, "version": _STRING, "extensions": _list(_STRING)}
        ),
        "Status": _object({"model_version_status": _list(_state()), **identity}),
        "Metadata": _object({"metadata": {"type": "object"}, **identity}),
        "Model": _model(),
        "PredictRequest": _predict_request(manifest),
        "PredictResponse": _object(
            {
                "predictions": _list(_prediction(manifest), most=manifest.max_batch),
                **identity,
            }
        ),
        "InferRequest": _infer_request(manifest),
        "InferResponse": _infer_response(manifest),
    }


def _state() -> Schema:
    return _object(
        {
            "version": _STRING,
            "state": {"enum": ["LOADING", "AVAILABLE", "UNLOADING"]},
            "status": _object({"error_code": _STRING, "error_message": _STRING}),
        }
    )


def _model() -> Schema:
    tensor = _object(
        {"name": _STRING, "datatype": _STRING, "shape": _list({"type": "integer"})}
    )
    return _object(
        {
            "name": _STRING,
            "versions": _list(_STRING),
            "platform": _STRING,
            "inputs": _list(tensor),
            "outputs": _list(tensor),
        }
    )


def _predict_request(manifest: Manifest) -> Schema:
    instance = _object(dict.fromkeys(INPUTS[manifest.task], _TEXT))
    if manifest.task == "classification":
        instance = {"anyOf": [_TEXT, instance]}
    schema = _object({"instances": _list(instance, most=manifest.max_batch)})
    # TF Serving's clients name a signature; there is one, and the rest is not read.
    return {**schema, "additionalProperties": True}


def _prediction(manifest: Manifest) -> Schema:
    schema = _object(
        {name: _TYPES[kind] for name, kind in OUTPUTS[manifest.task].items()}
    )
    if manifest.labels:
        schema["properties"]["label"] = {"enum": list(manifest.labels)}
    schema["properties"]["score"] = {"type": "number", "minimum": 0, "maximum": 1}
    return schema


def _infer_request(manifest: Manifest) -> Schema:
    """A shape must say how many texts there are: so one alternative a number of texts."""
    names = INPUTS[manifest.task]
    rows = range(1, manifest.max_batch + 1)
    inputs = {
        "anyOf": [
            {
                "type": "array",
                "minItems": len(names),
                "maxItems": len(names),
                "items": {"anyOf": [w for name in names for w in _tensor(name, row)]},
            }
            for row in rows
        ],
        # Each of the names, and not one of them twice.
        "allOf": [
            {"contains": {"properties": {"name": {"const": name}}}} for name in names
        ],
    }
    known = OUTPUTS[manifest.task]
    output = _object(
        {"name": {"enum": list(known)}, "parameters": _text_only("binary_data")},
        required=["name"],
    )
    return _object(
        {
            "id": {"type": ["string", "null"], "maxLength": MAX_ID},
            "parameters": _PARAMETERS,
            "inputs": inputs,
            "outputs": {
                "type": ["array", "null"],
                "maxItems": len(known),
                "items": output,
            },
        },
        required=["inputs"],
    )


def _tensor(name: str, rows: int) -> list[Schema]:
    """Return the ways to write one: flat, or as rows of one where it has two dimensions."""
    size = {"type": "array", "minItems": rows, "maxItems": rows}
    row = {"anyOf": [_TEXT, _list(_TEXT, most=1)]}
    ways = (([[rows], [rows, 1]], _TEXT), ([[rows, 1]], row))
    return [
        _object(
            {
                "name": {"const": name},
                "datatype": {"const": "BYTES"},
                "parameters": _text_only("binary_data_size"),
                "shape": {"enum": shapes},
                "data": {**size, "items": items},
            },
            required=["name", "datatype", "shape", "data"],
        )
        for shapes, items in ways
    ]


def _text_only(name: str) -> Schema:
    """Parameters, but not the one that says that data is not JSON."""
    return {**_PARAMETERS, "properties": {name: {"enum": [None, False]}}}


def _infer_response(manifest: Manifest) -> Schema:
    tensors = [
        _object(
            {
                "name": {"const": name},
                "datatype": {"const": kind},
                "shape": _list({"type": "integer", "minimum": 1}),
                "data": _list(_TYPES[kind], most=manifest.max_batch),
            }
        )
        for name, kind in OUTPUTS[manifest.task].items()
    ]
    return _object(
        {
            "model_name": {"const": manifest.name},
            "model_version": {"const": manifest.version},
            "id": _STRING,
            "outputs": _list({"anyOf": tensors}),
        },
        required=["model_name", "model_version", "outputs"],
    )


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _list(items: Schema, most: int | None = None) -> Schema:
    schema: Schema = {"type": "array", "items": items}
    return schema if most is None else {**schema, "minItems": 1, "maxItems": most}

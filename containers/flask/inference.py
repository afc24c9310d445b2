"""The Open Inference Protocol v2 over REST: tensors of texts in, tensors of answers out.

What KServe, Triton and MLServer speak. A request is one or two BYTES tensors with a text
an instance; an answer is a tensor for each thing that is said of an instance.
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import BadRequest

from containers.flask.instances import kind, read_json, read_text
from manifest import Manifest

# A task -> what it is asked with, and what it answers with: name -> datatype.
INPUTS: Mapping[str, tuple[str, ...]] = {
    "classification": ("text",),
    "pair-classification": ("text", "pair"),
    "question-answering": ("question", "context"),
}
OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "classification": {"label": "BYTES", "score": "FP32"},
    "pair-classification": {"label": "BYTES", "score": "FP32"},
    "question-answering": {
        "answer": "BYTES",
        "score": "FP32",
        "start": "INT32",
        "end": "INT32",
    },
}
MAX_ID = 256  # characters
_SHOWN = 80  # characters of what a client sent, in a message about it
_REQUEST = {"id", "parameters", "inputs", "outputs"}
_TENSOR = {"name", "shape", "datatype", "parameters", "data"}


@dataclass(frozen=True)
class InferRequest:
    """A request that can be answered; instances are what `:predict` takes as well."""

    instances: list[Any]  # a text each, or a dict of texts where a task has several
    outputs: tuple[str, ...]  # what is wanted, in this order
    shape: tuple[int, ...]  # of every output: [instances] or [instances, 1], as asked
    id: str | None


def read_infer(
    body: bytes, *, max_batch: int, task: str = "classification"
) -> InferRequest:
    """Return what is asked; BadRequest names the place, what was found, what is allowed."""
    names = INPUTS[task]
    request = read_json(body, wanted=_wanted(names))
    _keys(request, "body", _REQUEST)
    _parameters(request.get("parameters"), "parameters")
    tensors = _tensors(request.get("inputs"), names, max_batch)
    (shape, *others) = [shape for shape, _ in tensors.values()]
    if any(other[0] != shape[0] for other in others):
        counts = ", ".join(f"{name} {tensors[name][0][0]}" for name in names)
        raise BadRequest(f"inputs: {counts} instances: not as many of each")
    columns = [tensors[name][1] for name in names]
    instances: list[Any] = columns[0]
    if len(names) > 1:
        instances = [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]
    return InferRequest(
        instances=instances,
        outputs=_outputs(request.get("outputs"), tuple(OUTPUTS[task])),
        shape=shape,
        id=_id(request.get("id")),
    )


def shape_infer(
    request: InferRequest, predictions: Sequence[Mapping[str, Any]], manifest: Manifest
) -> dict[str, Any]:
    """Return the answer: one tensor for each output wanted, in the order of instances."""
    types = OUTPUTS[manifest.task]
    answer: dict[str, Any] = {
        "model_name": manifest.name,
        "model_version": manifest.version,
        "outputs": [
            {
                "name": name,
                "shape": request.shape,
                "datatype": types[name],
                "data": [prediction[name] for prediction in predictions],
            }
            for name in request.outputs
        ],
    }
    return answer if request.id is None else {**answer, "id": request.id}


def describe(manifest: Manifest) -> dict[str, Any]:
    """Return the model's metadata; -1 is any number of instances."""
    inputs = dict.fromkeys(INPUTS[manifest.task], "BYTES")
    return {
        "name": manifest.name,
        "versions": [manifest.version],
        "platform": f"lathe_{manifest.engine}",
        "inputs": _described(inputs),
        "outputs": _described(OUTPUTS[manifest.task]),
    }


def _described(types: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": datatype, "shape": [-1]}
        for name, datatype in types.items()
    ]


def _wanted(names: tuple[str, ...]) -> str:
    tensor = '{"name": "%s", "shape": [1], "datatype": "BYTES", "data": ["..."]}'
    return '{"inputs": [' + ", ".join(tensor % name for name in names) + "]}"


def _tensors(
    inputs: Any, names: tuple[str, ...], max_batch: int
) -> dict[str, tuple[tuple[int, ...], list[str]]]:
    """Return each tensor's shape and texts by its name."""
    if not isinstance(inputs, list):
        raise BadRequest(
            f"inputs: {kind(inputs)} is not a list; wanted {_wanted(names)}"
        )
    if len(inputs) != len(names):
        raise BadRequest(f"inputs: {len(inputs)} given, {', '.join(names)} wanted")
    tensors = {}
    for index, tensor in enumerate(inputs):
        where = f"inputs[{index}]"
        _keys(tensor, where, _TENSOR)
        name = tensor.get("name")
        if not isinstance(name, str) or name not in names or name in tensors:
            left = [each for each in names if each not in tensors]
            raise BadRequest(f"{where}.name: {_shown(name)} is not {' or '.join(left)}")
        tensors[name] = _tensor(tensor, where, max_batch)
    return tensors


def _tensor(
    tensor: Mapping[str, Any], where: str, max_batch: int
) -> tuple[tuple[int, ...], list[str]]:
    if tensor.get("datatype") != "BYTES":
        found = _shown(tensor.get("datatype"))
        raise BadRequest(f"{where}.datatype: {found} is not 'BYTES'")
    parameters = _parameters(tensor.get("parameters"), f"{where}.parameters")
    if parameters.get("binary_data_size") not in (None, False):
        raise BadRequest(f"{where}.parameters: binary tensors are not read, only JSON")
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(data, list):
        raise BadRequest(f"{where}.data: {kind(data)} is not a list")
    if not 1 <= len(data) <= max_batch:
        raise BadRequest(f"{where}.data: {len(data)} given, 1 to {max_batch} allowed")
    # By type as well: in Python true is 1, and 1.0 is 1.
    if (
        not isinstance(shape, list)
        or shape not in ([len(data)], [len(data), 1])
        or any(type(size) is not int for size in shape)
    ):
        n = len(data)
        raise BadRequest(f"{where}.shape: {_shown(shape)} is not [{n}] or [{n}, 1]")
    return tuple(shape), _texts(data, where, is_nested=len(shape) == 2)


def _texts(data: list[Any], where: str, *, is_nested: bool) -> list[str]:
    """Read the rows of a tensor; [n, 1] is written flat or as n lists of one."""
    texts = []
    for index, row in enumerate(data):
        place = f"{where}.data[{index}]"
        if is_nested and isinstance(row, list) and len(row) == 1:
            row, place = row[0], f"{place}[0]"
        texts.append(read_text(row, place))
    return texts


def _outputs(outputs: Any, known: tuple[str, ...]) -> tuple[str, ...]:
    if outputs is None or outputs == []:
        return known
    if not isinstance(outputs, list):
        raise BadRequest(f"outputs: {kind(outputs)} is not a list")
    if len(outputs) > len(known):
        raise BadRequest(f"outputs: {len(outputs)} given, at most {len(known)} allowed")
    names = [_output(output, index, known) for index, output in enumerate(outputs)]
    return tuple(dict.fromkeys(names))


def _output(output: Any, index: int, known: tuple[str, ...]) -> str:
    where = f"outputs[{index}]"
    _keys(output, where, {"name", "parameters"})
    parameters = _parameters(output.get("parameters"), f"{where}.parameters")
    if parameters.get("binary_data") not in (None, False):
        raise BadRequest(f"{where}.parameters: answers are not binary, only JSON")
    name = output.get("name")
    if not isinstance(name, str) or name not in known:
        raise BadRequest(f"{where}.name: {_shown(name)} is not {' or '.join(known)}")
    return name


def _id(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadRequest(f"id: {kind(value)} is not a string")
    if len(value) > MAX_ID:
        raise BadRequest(f"id: {len(value)} characters, {MAX_ID} allowed")
    if any("\ud800" <= sign <= "\udfff" for sign in value):
        raise BadRequest("id: a lone surrogate is not Unicode text")
    return value


def _keys(value: Any, where: str, known: set[str]) -> None:
    if not isinstance(value, dict):
        raise BadRequest(f"{where}: {kind(value)} is not an object")
    if unknown := value.keys() - known:
        raise BadRequest(
            f"{where}: {_shown(min(unknown))} is not one of {', '.join(sorted(known))}"
        )


def _parameters(value: Any, where: str) -> dict[str, Any]:
    """Return parameters; none of them means anything here, but tools send some."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{where}: {kind(value)} is not an object")
    return value


def _shown(value: Any) -> str:
    """What was found, in ASCII and cut; what is nested may be too deep to print."""
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str | int | None) for part in parts):
        return kind(value)
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."

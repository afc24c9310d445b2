"""From a template's spelling of a resource to the request AWS's own API takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.validate import ParamValidator


def api_request(
    client: Any, operation: str, properties: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the request, checked against AWS's model of the operation.

    CloudFormation and the API differ in the case of names only: `Cpu` is `cpu`.
    Raises ValueError naming each member AWS would refuse or miss.
    """
    shape = client.meta.service_model.operation_model(operation).input_shape
    request: dict[str, Any] = _spelled(shape, properties)
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise ValueError(f"{operation}: {report.generate_report()}")
    return request


def _spelled(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, str):
        value = json.loads(value)  # a template writes some documents as text
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = {name.lower(): name for name in shape.members}
        spelled = {}
        for key, inner in value.items():
            name = members.get(key.lower())
            # An unknown member keeps its name, so that the validator can say it.
            spelled[name or key] = (
                _spelled(shape.members[name], inner) if name else inner
            )
        return spelled
    if shape.type_name == "list" and isinstance(value, list):
        return [_spelled(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: _spelled(shape.value, inner) for key, inner in value.items()}
    if shape.type_name == "map" and isinstance(value, list):
        return {tag["Key"]: tag["Value"] for tag in value}  # templates list their tags
    return _scalar(shape.type_name, value)


def _scalar(type_name: str, value: Any) -> Any:
    """CloudFormation accepts "8080" for 8080; the API does not."""
    if type_name in {"integer", "long"} and isinstance(value, str):
        return int(value)
    if type_name in {"float", "double"} and isinstance(value, str | int):
        return float(value)
    if type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if type_name == "string" and isinstance(value, int | float):
        return str(value)
    return value

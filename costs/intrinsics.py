"""CloudFormation's intrinsic functions, as far as a price depends on them.

A resource stands for itself: `Ref` and `Fn::GetAtt` give a name made of its stack
and logical id, which can be joined, split and compared like the real one. What only
a deployment knows becomes `Unknown`, which is an error where a price asks for it and
nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from costs.template import NO_VALUE, Template, Unknown, resource_name

_SSM = "AWS::SSM::Parameter::Value"
_PLACEHOLDER = re.compile(r"\$\{([^!][^}]*)\}")
_DYNAMIC_SSM = re.compile(r"\{\{resolve:ssm:([^:}]+)(?::\d+)?\}\}")


def resolve(value: Any, template: Template) -> Any:
    """Return the value with its functions applied; see the module for references."""
    if isinstance(value, list):
        items = [resolve(item, template) for item in value]
        return [item for item in items if item is not NO_VALUE]
    if isinstance(value, dict):
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return _apply(name, argument, template)
        pairs = {key: resolve(item, template) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not NO_VALUE}
    if isinstance(value, str) and (match := _DYNAMIC_SSM.fullmatch(value)):
        return template.ssm(match[1])
    return value


def condition(name: str, template: Template) -> bool | Unknown:
    """Return whether a condition of the template holds."""
    if name not in template.section("Conditions"):
        return Unknown(f"there is no condition {name}")
    return _truth(template.section("Conditions")[name], template)


def _apply(name: str, argument: Any, template: Template) -> Any:
    function = _FUNCTIONS.get(name)
    if function is None:
        return Unknown(f"{name} is only known when deployed")
    try:
        return function(argument, template)
    except (TypeError, ValueError, KeyError, IndexError):
        return Unknown(f"{name} of {argument!r} is malformed")


def _ref(name: str, template: Template) -> Any:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in (known := {"AWS::Region": template.region, "AWS::Partition": "aws"}):
        return known[name]
    if name in template.section("Parameters"):
        return _parameter(name, template.section("Parameters")[name], template)
    if name in template.section("Resources"):
        return resource_name(template.stack, name)
    if name.startswith("AWS::"):
        return Unknown(f"{name} is only known when deployed")
    return Unknown(f"Ref names {name}, which is not in the template")


def _parameter(name: str, parameter: Mapping[str, Any], template: Template) -> Any:
    if "Default" not in parameter:
        return Unknown(f"parameter {name} has no default")
    kind, value = str(parameter.get("Type")), parameter["Default"]
    if kind.startswith(_SSM):
        value = template.ssm(value)
    if "List<" in kind or kind == "CommaDelimitedList":
        return _split([",", value], template)
    return value


def _get_att(argument: Any, template: Template) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    logical_id, attribute = parts
    if logical_id not in template.section("Resources"):
        return Unknown(f"Fn::GetAtt names {logical_id}, which is not in the template")
    return resource_name(template.stack, logical_id, str(attribute))


def _join(argument: Any, template: Template) -> Any:
    separator, items = argument[0], resolve(argument[1], template)
    return _first_unknown([items]) or _first_unknown(items) or _text(separator, items)


def _text(separator: str, items: list[Any]) -> str:
    return str(separator).join(str(item) for item in items)


def _split(argument: Any, template: Template) -> Any:
    text = resolve(argument[1], template)
    return text if isinstance(text, Unknown) else text.split(argument[0])


def _select(argument: Any, template: Template) -> Any:
    items = resolve(argument[1], template)
    return items if isinstance(items, Unknown) else items[int(argument[0])]


def _sub(argument: Any, template: Template) -> Any:
    text, names = (argument, {}) if isinstance(argument, str) else argument
    values = {
        name: resolve(names[name], template)
        if name in names
        else _named(name, template)
        for name in _PLACEHOLDER.findall(text)
    }
    filled = _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)
    return _first_unknown(list(values.values())) or filled.replace("${!", "${")


def _named(name: str, template: Template) -> Any:
    return _get_att(name, template) if "." in name else _ref(name, template)


def _if(argument: Any, template: Template) -> Any:
    name, then, otherwise = argument
    holds = condition(name, template)
    if isinstance(holds, Unknown):
        return holds
    return resolve(then if holds else otherwise, template)


def _find_in_map(argument: Any, template: Template) -> Any:
    keys = [resolve(key, template) for key in argument[:3]]
    unknown = _first_unknown(keys)
    return unknown or template.section("Mappings")[keys[0]][keys[1]][keys[2]]


def _truth(expression: Any, template: Template) -> bool | Unknown:
    ((name, argument),) = expression.items()
    if name == "Condition":
        return condition(argument, template)
    if name == "Fn::Equals":
        sides = [resolve(side, template) for side in argument]
        return _first_unknown(sides) or sides[0] == sides[1]
    operands = [_truth(operand, template) for operand in argument]
    if unknown := _first_unknown(operands):
        return unknown
    combined = {"Fn::And": all(operands), "Fn::Or": any(operands)}
    return combined[name] if name in combined else not operands[0]


def _first_unknown(values: list[Any]) -> Unknown | None:
    return next((value for value in values if isinstance(value, Unknown)), None)


_FUNCTIONS: Mapping[str, Callable[[Any, Template], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
}

from __future__ import annotations

import re
from typing import Any

import pytest

from costs.intrinsics import condition, resolve
from costs.template import NO_VALUE, Template, Unknown

BODY = {
    "Parameters": {
        "Plain": {"Type": "String", "Default": "p"},
        "Open": {"Type": "String"},
        "Listed": {"Type": "CommaDelimitedList", "Default": "a,b"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
        "Ids": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/ids"},
        "Lost": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/lost"},
    },
    "Mappings": {"Sizes": {"us-east-1": {"cpu": 512}}},
    "Conditions": {
        "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        "There": {"Fn::Not": [{"Condition": "Here"}]},
        "Either": {"Fn::Or": [{"Condition": "There"}, {"Condition": "Here"}]},
        "Both": {"Fn::And": [{"Condition": "There"}, {"Condition": "Here"}]},
        "Hidden": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, "1"]},
    },
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
}
STORED: dict[str, Any] = {"/name": "stored", "/ids": "x,y,z"}
TEMPLATE = Template(
    "dev-one",
    "us-east-1",
    BODY,
    lambda name: STORED.get(name, Unknown(f"no stack writes {name}")),
)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        (5, 5),
        ({"Ref": "Plain"}, "p"),
        ({"Ref": "Listed"}, ["a", "b"]),
        ({"Ref": "Stored"}, "stored"),
        ({"Ref": "Ids"}, ["x", "y", "z"]),
        ("{{resolve:ssm:/name}}", "stored"),
        ("{{resolve:ssm:/name:3}}", "stored"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"Ref": "Queue"}, "<dev-one.Queue>"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "<dev-one.Queue.Arn>"),
        ({"Fn::GetAtt": "Queue.Arn"}, "<dev-one.Queue.Arn>"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Plain"}]]}, "a-p"),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Ref": "Ids"}]}, "y"),
        ({"Fn::Sub": "${Plain}/${Queue.Arn}/${!x}"}, "p/<dev-one.Queue.Arn>/${x}"),
        ({"Fn::Sub": ["${a}b", {"a": {"Ref": "Plain"}}]}, "pb"),
        ({"Fn::If": ["Here", 1, 2]}, 1),
        ({"Fn::If": ["There", 1, {"Ref": "Plain"}]}, "p"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "cpu"]}, 512),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"a": {"Fn::If": ["There", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}),
        ({"Ref": "Plain", "other": 1}, {"Ref": "Plain", "other": 1}),
    ],
)
def test_applies_a_function(value: Any, resolved: Any) -> None:
    assert resolve(value, TEMPLATE) == resolved


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"Ref": "Open"}, "parameter Open has no default"),
        ({"Ref": "Lost"}, "no stack writes /lost"),
        ({"Ref": "Nothing"}, "Nothing, which is not in the template"),
        ({"Ref": "AWS::AccountId"}, "AWS::AccountId is only known when deployed"),
        ({"Fn::GetAtt": ["Nothing", "Arn"]}, "Nothing, which is not in the template"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue is only known when deployed"),
        ({"Fn::Join": ["", ["a", {"Ref": "Open"}]]}, "Open has no default"),
        ({"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "Lost"}]}]}, "/lost"),
        ({"Fn::Sub": "${Open}"}, "Open has no default"),
        ({"Fn::If": ["Hidden", 1, 2]}, "AWS::AccountId"),
        ({"Fn::If": ["Nowhere", 1, 2]}, "no condition Nowhere"),
        ({"Fn::Select": [9, ["a"]]}, "Fn::Select of .* is malformed"),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "cpu"]}, "malformed"),
    ],
)
def test_says_why_a_value_is_unknown(value: Any, reason: str) -> None:
    found = resolve(value, TEMPLATE)
    assert isinstance(found, Unknown)
    assert re.search(reason, found.reason)


@pytest.mark.parametrize(
    ("name", "holds"),
    [("Here", True), ("There", False), ("Either", True), ("Both", False)],
)
def test_decides_a_condition(name: str, holds: bool) -> None:
    assert condition(name, TEMPLATE) is holds

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.account import Account
from rehearsal.template import Scope, UnresolvedError

SCOPE = Scope(
    "dev-plain",
    Account("http://127.0.0.1:1", "210987654321", "eu-west-1"),
    {"Bucket": "a-bucket", "Subnets": ["subnet-1", "subnet-2"]},
    {("Role", "Arn"): "arn:aws:iam::123456789012:role/r"},
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Bucket"}, "a-bucket"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "AWS::AccountId"}, "210987654321"),
        ({"Ref": "AWS::StackName"}, "dev-plain"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:aws:iam::123456789012:role/r"),
        ({"Fn::Join": ["/", ["x", {"Ref": "Bucket"}, 1]]}, "x/a-bucket/1"),
        ({"Fn::Select": [1, {"Ref": "Subnets"}]}, "subnet-2"),
        ({"Fn::Select": ["0", {"Fn::Split": [":", "a:b"]}]}, "a"),
        ({"Fn::Sub": "${Bucket}-${Role.Arn}-${!Literal}"}, None),
        ({"Keep": 1, "Drop": {"Ref": "AWS::NoValue"}}, {"Keep": 1}),
        ([1, {"Ref": "AWS::NoValue"}], [1]),
        ({"Ref": "Bucket", "More": 1}, {"Ref": "Bucket", "More": 1}),
    ],
)
def test_resolves_what_cloudformation_resolves(value: Any, expected: Any) -> None:
    if expected is None:
        expected = "a-bucket-arn:aws:iam::123456789012:role/r-${!Literal}"
    assert SCOPE.resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"Ref": "Nobody"}, "Ref Nobody"),
        ({"Fn::GetAtt": ["Role", "Id"]}, "Fn::GetAtt Role.Id"),
        ({"Deep": [{"Fn::Transform": {}}]}, "Fn::Transform"),
        ("{{resolve:ssm:/a}}", "dynamic reference"),
    ],
)
def test_says_what_it_cannot_resolve_instead_of_guessing(
    value: Any, named: str
) -> None:
    with pytest.raises(UnresolvedError, match=named):
        SCOPE.resolve(value)

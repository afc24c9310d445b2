"""What MiniStack leaves out of a resource: attributes for Fn::GetAtt, and tags."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.handlers.handler import Created, Native, Properties


def answer_cidr_block(account: Account, native: Native) -> Native:
    """AWS::EC2::VPC has CidrBlock."""

    def create(name: str, given: Properties, stack: str) -> Created:
        id_, known = native(name, given, stack)
        return id_, {**known, "CidrBlock": given["CidrBlock"]}

    return create


def answer_full_name(account: Account, native: Native) -> Native:
    """TargetGroupFullName begins with targetgroup/, or alarms watch no metric at all."""

    def create(name: str, given: Properties, stack: str) -> Created:
        arn, known = native(name, given, stack)
        return arn, {**known, "TargetGroupFullName": arn.split(":")[-1]}

    return create


def tag_rule(account: Account, native: Native) -> Native:
    """A listener rule's tags."""

    def create(name: str, given: Properties, stack: str) -> Created:
        arn, known = native(name, given, stack)
        if tags := given.get("Tags"):
            account.client("elbv2").add_tags(ResourceArns=[arn], Tags=tags)
        return arn, known

    return create

"""How callers show that they may call."""

from __future__ import annotations

import json
from typing import Any

from tests.stacks.conftest import (
    DEMO,
    PEOPLE,
    PROVIDER,
    named,
    of_type,
    only,
)

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def test_a_key_is_compared_and_in_no_template(internet: dict[str, Any]) -> None:
    rule = only(internet, RULE)
    (header,) = (c for c in rule["Conditions"] if c["Field"] == "http-header")
    assert header["HttpHeaderConfig"] == {
        "HttpHeaderName": "x-api-key",
        "Values": ["{{resolve:secretsmanager:lathe/demo/api-key:SecretString:::}}"],
    }
    listeners = named(internet, LISTENER)
    (refused,) = listeners[rule["ListenerArn"]["Ref"]]["DefaultActions"]
    assert refused["FixedResponseConfig"]["StatusCode"] == "403"


def test_people_sign_in_before_their_requests_are_forwarded(
    variants: dict[str, dict[str, Any]],
) -> None:
    for name, kind in (("oidc", "oidc"), ("cognito", "cognito")):
        rule = only(variants[name], RULE)
        first, then = sorted(rule["Actions"], key=lambda action: action["Order"])
        assert (first["Type"], then["Type"]) == (f"authenticate-{kind}", "forward")
        asked = first[f"Authenticate{kind.capitalize()}Config"]
        assert asked.get("OnUnauthenticatedRequest", "authenticate") == "authenticate"


def test_a_provider_s_secret_is_in_no_template(
    variants: dict[str, dict[str, Any]],
) -> None:
    (first, _) = only(variants["oidc"], RULE)["Actions"]
    asked = first["AuthenticateOidcConfig"]
    assert asked["ClientSecret"] == (
        f"{{{{resolve:secretsmanager:{PROVIDER.client_secret_name}:SecretString:::}}}}"
    )
    assert asked["Issuer"] == PROVIDER.issuer
    assert asked["TokenEndpoint"] == PROVIDER.token_endpoint


def test_the_balancer_can_ask_who_somebody_is(
    variants: dict[str, dict[str, Any]], endpoint: dict[str, Any]
) -> None:
    """It calls the provider itself; where nobody signs in it calls tasks only."""
    for found, there in ((variants["oidc"], True), (endpoint, False)):
        groups = of_type(found, "AWS::EC2::SecurityGroup")
        (callers,) = (g for g in groups if g["GroupDescription"] == "Callers")
        out = [rule["FromPort"] for rule in callers.get("SecurityGroupEgress", [])]
        assert (443 in out) is there


def test_a_user_pool_is_named_and_not_made(variants: dict[str, dict[str, Any]]) -> None:
    (first, _) = only(variants["cognito"], RULE)["Actions"]
    asked = first["AuthenticateCognitoConfig"]
    assert asked["UserPoolArn"] == PEOPLE.user_pool_arn
    assert asked["UserPoolClientId"] == PEOPLE.client_id
    assert not of_type(variants["cognito"], "AWS::Cognito::UserPool")


def test_the_check_need_not_show_anything(gpu: dict[str, Any]) -> None:
    listeners = named(gpu, LISTENER)
    for rule in of_type(gpu, RULE):
        port = listeners[rule["ListenerArn"]["Ref"]]["Port"]
        assert [action["Type"] for action in rule["Actions"]] == ["forward"], port


def test_the_firewall_stands_before_this_balancer(internet: dict[str, Any]) -> None:
    (acl,) = named(internet, "AWS::WAFv2::WebACL")
    (balancer,) = named(internet, "AWS::ElasticLoadBalancingV2::LoadBalancer")
    guarded = only(internet, "AWS::WAFv2::WebACLAssociation")
    assert guarded["ResourceArn"] == {"Ref": balancer}
    assert guarded["WebACLArn"] == {"Fn::GetAtt": [acl, "Arn"]}


def test_the_firewall_blocks_who_asks_too_often_and_no_large_batch(
    internet: dict[str, Any],
) -> None:
    rules = {r["Name"]: r for r in only(internet, "AWS::WAFv2::WebACL")["Rules"]}
    (door,) = (each.door for each in DEMO.endpoints if each.name == "internet")
    rate = rules["Rate"]["Statement"]["RateBasedStatement"]
    assert rate["Limit"] == door.requests_per_5_minutes
    assert rules["Rate"]["Action"] == {"Block": {}}
    common = rules["Common"]["Statement"]["ManagedRuleGroupStatement"]
    (counted,) = common["RuleActionOverrides"]
    assert counted == {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}
    assert len({rule["Priority"] for rule in rules.values()}) == len(rules)


def test_no_template_holds_what_a_secret_says(internet: dict[str, Any]) -> None:
    text = json.dumps(internet)
    assert text.count("lathe/demo/api-key") == text.count("{{resolve:secretsmanager:")

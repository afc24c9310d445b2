"""How callers show that they may call: a key, a sign-in, or an address let through."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_elasticloadbalancingv2_actions as actions
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from stacks.settings.door import Access, ApiKey, Cognito, DoorConfig, Oidc

Action = elbv2.ListenerAction
Condition = elbv2.ListenerCondition

HEADER = "x-api-key"
PRIORITY = 10


def admit(
    listener: elbv2.ApplicationListener,
    access: Access | None,
    targets: elbv2.ApplicationTargetGroup,
) -> elbv2.ApplicationListenerRule:
    """Return the rule that lets callers through to the targets.

    Secrets are named, and filled in by CloudFormation: no template holds one.
    """
    conditions = [Condition.path_patterns(["/*"])]
    if isinstance(access, ApiKey):
        key = cdk.SecretValue.secrets_manager(access.secret_name).unsafe_unwrap()
        conditions.append(Condition.http_header(HEADER, [key]))
    return elbv2.ApplicationListenerRule(
        listener,
        "Rule",
        listener=listener,
        priority=PRIORITY,
        conditions=conditions,
        action=_signed_in(listener, access, Action.forward([targets])),
    )


def _signed_in(scope: Construct, access: Access | None, then: Action) -> Action:
    """Return `then`, behind a sign-in where one is asked for."""
    if isinstance(access, Oidc):
        return Action.authenticate_oidc(
            issuer=access.issuer,
            authorization_endpoint=access.authorization_endpoint,
            token_endpoint=access.token_endpoint,
            user_info_endpoint=access.user_info_endpoint,
            client_id=access.client_id,
            client_secret=cdk.SecretValue.secrets_manager(access.client_secret_name),
            next=then,
        )
    if isinstance(access, Cognito):
        pools = cognito.UserPool, cognito.UserPoolClient, cognito.UserPoolDomain
        pool, client, domain = pools
        return actions.AuthenticateCognitoAction(
            user_pool=pool.from_user_pool_arn(scope, "People", access.user_pool_arn),
            user_pool_client=client.from_user_pool_client_id(
                scope, "Client", access.client_id
            ),
            user_pool_domain=domain.from_domain_name(
                scope, "Domain", access.domain_prefix
            ),
            next=then,
        )
    return then


def guard(
    scope: Construct, load_balancer: elbv2.ApplicationLoadBalancer, door: DoorConfig
) -> None:
    """Put AWS's common rules, and a limit for each address, before the balancer."""
    acl = wafv2.CfnWebACL(
        scope,
        "Firewall",
        scope="REGIONAL",
        default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
        visibility_config=_visible("Firewall"),
        rules=[
            _managed("Common", 1, "AWSManagedRulesCommonRuleSet"),
            _managed("Inputs", 2, "AWSManagedRulesKnownBadInputsRuleSet"),
            _limited(3, door.requests_per_5_minutes),
        ],
    )
    wafv2.CfnWebACLAssociation(
        scope,
        "Guarded",
        resource_arn=load_balancer.load_balancer_arn,
        web_acl_arn=acl.attr_arn,
    )


def _managed(name: str, priority: int, group: str) -> wafv2.CfnWebACL.RuleProperty:
    """AWS's rules. Bodies over 8 KiB are only counted: a batch of texts is larger."""
    counted = wafv2.CfnWebACL.RuleActionOverrideProperty(
        name="SizeRestrictions_BODY",
        action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={}),
    )
    statement = wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS",
        name=group,
        rule_action_overrides=[counted] if name == "Common" else None,
    )
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=statement
        ),
        visibility_config=_visible(name),
    )


def _limited(priority: int, requests: int) -> wafv2.CfnWebACL.RuleProperty:
    rate = wafv2.CfnWebACL.RateBasedStatementProperty(
        aggregate_key_type="IP", limit=requests, evaluation_window_sec=300
    )
    return wafv2.CfnWebACL.RuleProperty(
        name="Rate",
        priority=priority,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(rate_based_statement=rate),
        visibility_config=_visible("Rate"),
    )


def _visible(name: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True,
        metric_name=name,
        sampled_requests_enabled=True,
    )

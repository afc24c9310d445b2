"""Signatures of images, where a profile of AWS Signer is named."""

from __future__ import annotations

from aws_cdk import aws_ecr as ecr
from constructs import Construct

from stacks.settings.delivery import DeliveryConfig


def sign(scope: Construct, config: DeliveryConfig) -> None:
    """ECR itself signs what is pushed: one setting of the account, no tool to keep."""
    if config.signing_profile_arn:
        ecr.CfnSigningConfiguration(
            scope,
            "Signing",
            rules=[
                ecr.CfnSigningConfiguration.RuleProperty(
                    signing_profile_arn=config.signing_profile_arn,
                    repository_filters=[
                        ecr.CfnSigningConfiguration.RepositoryFilterProperty(
                            filter="lathe/*", filter_type="WILDCARD_MATCH"
                        )
                    ],
                )
            ],
        )

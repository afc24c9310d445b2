"""On the branch that counts: check, then for each stage plan, approve, deploy, ask."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.build import stacks_of
from stacks.names import check_function, handover_bucket, pipeline
from stacks.project import (
    allow,
    allow_artifact_key,
    artifacts,
    from_source,
    project,
)
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.deployment import Deployment
from stacks.settings.stage import StageConfig
from stacks.source import Source, allow_connection, source, start

QUALIFIER = "hnb659fds"  # of `cdk bootstrap`
DELIVERY = "delivery"  # deployed before the stages, this pipeline included


class PipelineStack(cdk.Stack):
    """Deploys what is committed: no step has more rights than its own, none is admin."""

    def __init__(
        self, scope: Construct, id_: str, *, deployment: Deployment, **kwargs: Any
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        config = deployment.delivery
        name = handover_bucket("deploys", config)
        bucket = s3.Bucket.from_bucket_name(self, "Handover", name)
        pushed = source(self, config, paths=None, history=True)
        line = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_name=pipeline("deploy"),
            pipeline_type=codepipeline.PipelineType.V2,
            artifact_bucket=bucket,
            cross_account_keys=False,
            use_pipeline_role_for_actions=True,  # steps have roles of their own
            restart_execution_on_update=True,  # it deploys itself first
            triggers=pushed.triggers,
        )
        line.add_stage(stage_name="Source", actions=[pushed.action])
        line.add_stage(stage_name="Check", actions=[_check(self, config, pushed)])
        own = Deploy(self, DELIVERY, config=config, pushed=pushed, bucket=bucket)
        line.add_stage(stage_name=DELIVERY, actions=own.steps())
        stages = {stage.name: stage for stage in deployment.stages}
        for promotion in config.promotions:
            deploy = Deploy(
                self,
                promotion.stage,
                config=config,
                pushed=pushed,
                bucket=bucket,
                stage=stages[promotion.stage],
                approval=promotion.approval,
            )
            line.add_stage(stage_name=promotion.stage, actions=deploy.steps())
        start(line, config)
        begin = f"aws codepipeline start-pipeline-execution --name {pipeline('deploy')}"
        cdk.CfnOutput(self, "StartDeploy", value=begin)


class Deploy(Construct):
    """The steps of one stage, each with a role of its own."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: DeliveryConfig,
        pushed: Source,
        bucket: s3.IBucket,
        stage: StageConfig | None = None,
        approval: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        self._config, self._stage, self._name = config, stage, id_
        self._pushed, self._bucket, self._approval = pushed, bucket, approval
        self._account = (stage.account if stage else None) or config.account
        self._region = stage.region if stage else config.region
        self._planned = codepipeline.Artifact(f"Plan_{id_}".replace("-", "_"))

    def steps(self) -> list[actions.Action]:
        """Return them in order; an approval shows what the plan said."""
        plan = self._plan()
        steps: list[actions.Action] = [plan]
        if self._approval:
            steps.append(
                actions.ManualApprovalAction(
                    action_name="Approve",
                    additional_information=plan.variable("SUMMARY"),
                    external_entity_link=plan.variable("LINK"),
                    run_order=2,
                )
            )
        return [*steps, self._deploy(), *self._smoke()]

    def _plan(self) -> actions.CodeBuildAction:
        config, stage, name = self._config, self._stage, self._name
        released = bool(stage and stage.auto_release)
        bucket, region = self._bucket.bucket_name, config.region
        console = f"https://{region}.console.aws.amazon.com/s3/object/{bucket}"
        plan = project(
            self,
            "Plan",
            config=config,
            what=f"Say what a deploy of {name} would change, and cost",
            buildspec=from_source("plan"),
            variables={
                "STAGE": name,
                "AUTO_RELEASE": "yes" if released else "no",
                "REVIEWS": f"s3://{bucket}/reviews",
                "CONSOLE": f"{console}?region={region}&prefix=reviews",
            },
        )
        allow_connection(plan, config)  # to clone it, with its history
        if self._elsewhere:
            allow(plan, ["sts:AssumeRole"], *self._roles("lookup"))
        else:
            allow(plan, ["cloudformation:GetTemplate"], stacks_of(self, name))
        if released:
            self._let_release(plan)
        return actions.CodeBuildAction(
            action_name="Plan",
            project=plan,
            input=self._pushed.output,
            outputs=[self._planned],
            run_order=1,
        )

    def _let_release(self, plan: iam.IGrantable) -> None:
        """What `python -m stacks release --newest` asks for."""
        releases = artifacts(self._config, "releases/*")
        allow(plan, ["s3:GetObject"], releases)
        allow_artifact_key(plan, self._config)
        account = self._config.account or cdk.Aws.ACCOUNT_ID
        images = f"arn:{cdk.Aws.PARTITION}:ecr:{self._config.region}:{account}:repository/lathe/*"
        allow(plan, ["ecr:DescribeImages"], images)

    def _deploy(self) -> actions.CodeBuildAction:
        deploy = project(
            self,
            "Deploy",
            config=self._config,
            what=f"Deploy {self._name} as it was planned",
            buildspec=from_source("deploy"),
            variables={"STAGE": self._name},
            minutes=self._config.build_timeout_minutes,
        )
        allow(
            deploy,
            ["sts:AssumeRole"],
            *self._roles("deploy", "file-publishing", "lookup"),
        )
        return actions.CodeBuildAction(
            action_name="Deploy", project=deploy, input=self._planned, run_order=3
        )

    def _smoke(self) -> list[actions.CodeBuildAction]:
        """Nothing where nothing can be asked, or in an account that is not ours."""
        if self._stage is None or self._elsewhere:
            return []
        asked = [
            check_function(self._name, endpoint.name)
            for endpoint in self._stage.balanced
            if endpoint.rollout.checked and endpoint.door.internal
        ]
        if not asked:
            return []
        smoke = project(
            self,
            "Smoke",
            config=self._config,
            what=f"Ask the endpoints of {self._name} for the held-out sample",
            buildspec=from_source("smoke"),
            variables={"STAGE": self._name, "FUNCTIONS": " ".join(asked)},
        )
        functions = [self._function(name) for name in asked]
        may = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
        allow(smoke, may, *functions)
        allow_connection(smoke, self._config)
        return [
            actions.CodeBuildAction(
                action_name="Smoke",
                project=smoke,
                input=self._pushed.output,
                run_order=4,
            )
        ]

    @property
    def _elsewhere(self) -> bool:
        """Whether the stage is in another account than the one that delivers."""
        return self._account != self._config.account

    def _function(self, name: str) -> str:
        account = self._account or cdk.Aws.ACCOUNT_ID
        arn = f"arn:{cdk.Aws.PARTITION}:lambda"
        return f"{arn}:{self._region}:{account}:function:{name}"

    def _roles(self, *what: str) -> list[str]:
        """Return the ARNs of roles that `cdk bootstrap` made in the stage's account."""
        account = self._account or cdk.Aws.ACCOUNT_ID
        iam_ = f"arn:{cdk.Aws.PARTITION}:iam::{account}:role"
        return [
            f"{iam_}/cdk-{QUALIFIER}-{each}-role-{account}-{self._region}"
            for each in what
        ]


def _check(
    scope: Construct, config: DeliveryConfig, pushed: Source
) -> actions.CodeBuildAction:
    check = project(
        scope,
        "Check",
        config=config,
        what="Check the committed releases, and run the fast tests",
        buildspec=from_source("check"),
        variables={},
    )
    allow_connection(check, config)
    return actions.CodeBuildAction(
        action_name="Check", project=check, input=pushed.output
    )

"""Builds and pipelines."""

from __future__ import annotations

from tests.costs.samples import resource
from tests.costs.worked.subjects import Cases, always, one

STEPS = {
    "PipelineType": "V2",
    "Stages": [
        {"Actions": [{"ActionTypeId": {"Category": "Source"}}]},
        {
            "Actions": [
                {"ActionTypeId": {"Category": "Approval"}},
                {
                    "ActionTypeId": {"Category": "Build"},
                    "Configuration": {"ProjectName": {"Ref": "Step"}},
                },
            ]
        },
    ],
}
LARGE = {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_LARGE"}
MACHINE = {"Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL"}

CASES: Cases = {
    "a build project": (
        one(
            "CodeBuild::Project",
            Environment={
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_LARGE",
            },
        ),
        always(8 * 30 * 0.02),
    ),
    "a small project that no pipeline starts": (
        one("CodeBuild::Project", Environment=MACHINE),
        always(8 * 30 * 0.005),
    ),
    "an ARM build project": (
        one(
            "CodeBuild::Project",
            Environment={
                "Type": "ARM_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_LARGE",
            },
        ),
        always(8 * 30 * 0.0175),
    ),
    "a pipeline of two paid actions": (
        {
            **one("CodePipeline::Pipeline", **STEPS),
            "Step": resource("CodeBuild::Project", Environment=MACHINE),
        },
        always(20 * 2 * 3 * 0.002),
    ),
    "a build project that a pipeline runs": (
        {
            "Pipeline": resource("CodePipeline::Pipeline", **STEPS),
            "Step": resource("CodeBuild::Project", Environment=MACHINE),
            **one("CodeBuild::Project", Environment=MACHINE, Name="lathe-step"),
            "Other": resource(
                "CodePipeline::Pipeline",
                PipelineType="V2",
                Stages=[
                    {
                        "Actions": [
                            {
                                "ActionTypeId": {"Category": "Build"},
                                "Configuration": {"ProjectName": "lathe-step"},
                            }
                        ]
                    }
                ],
            ),
        },
        always(20 * 3 * 0.005),
    ),
    "a pipeline that builds on a large machine": (
        {
            **one("CodePipeline::Pipeline", **STEPS),
            "Step": resource("CodeBuild::Project", Environment=LARGE),
        },
        always((20 * 3 + 8 * 30) * 0.002),
    ),
    "a build on a large machine that a pipeline starts": (
        {
            **one("CodeBuild::Project", Environment=LARGE),
            "Pipeline": resource(
                "CodePipeline::Pipeline",
                PipelineType="V2",
                Stages=[
                    {
                        "Actions": [
                            {
                                "ActionTypeId": {"Category": "Build"},
                                "Configuration": {"ProjectName": {"Ref": "It"}},
                            }
                        ]
                    }
                ],
            ),
        },
        always(8 * 30 * 0.02),
    ),
}

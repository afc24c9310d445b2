"""What starts a pipeline, and with which files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.names import artifact_bucket
from stacks.project import allow, allow_artifact_key
from stacks.settings.delivery import Archive, Connection, DeliveryConfig

ARCHIVED = "the archive"  # in the place of a branch: whoever may write it decides


@dataclass(frozen=True)
class Source:
    """The first action of a pipeline and what it hands on."""

    action: actions.Action
    output: codepipeline.Artifact
    triggers: Sequence[codepipeline.TriggerProps]
    branch: str  # a variable: of the push that runs
    released: str  # the one that is deployed


def source(
    scope: Construct,
    config: DeliveryConfig,
    *,
    paths: Sequence[str] | None,
    history: bool = False,
) -> Source:
    """Return a source started by pushes to the branch.

    `paths` limits them to files (glob), and has pull requests start it, too; `history`
    hands on the git repository. An archive starts it at any change of its own.
    """
    output = codepipeline.Artifact("Source")
    if isinstance(config.source, Archive):
        return _archive(scope, config, config.source, output)
    found = config.source
    owner, _, name = found.repository.rpartition("/")
    action = actions.CodeStarConnectionsSourceAction(
        action_name="Source",
        connection_arn=found.arn,
        owner=owner,
        repo=name,
        branch=found.branch,
        output=output,
        code_build_clone_output=history,
        trigger_on_push=False,  # the triggers below do, with their filters
    )
    git = codepipeline.GitConfiguration(
        source_action=action,
        push_filter=[
            codepipeline.GitPushFilter(
                branches_includes=[found.branch], file_paths_includes=paths
            )
        ],
        pull_request_filter=_pull_requests(found, paths) if paths else None,
    )
    trigger = codepipeline.TriggerProps(
        provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
        git_configuration=git,
    )
    branch = action.variables.branch_name
    return Source(action, output, [trigger], branch, found.branch)


def _pull_requests(
    found: Connection, paths: Sequence[str]
) -> list[codepipeline.GitPullRequestFilter]:
    return [
        codepipeline.GitPullRequestFilter(
            branches_includes=[found.branch],
            file_paths_includes=paths,
            events=[
                codepipeline.GitPullRequestEvent.OPEN,
                codepipeline.GitPullRequestEvent.UPDATED,
            ],
        )
    ]


def _archive(
    scope: Construct,
    config: DeliveryConfig,
    archive: Archive,
    output: codepipeline.Artifact,
) -> Source:
    name = artifact_bucket(config)
    bucket = s3.Bucket.from_bucket_name(scope, "Archived", name)
    action = actions.S3SourceAction(
        action_name="Source",
        bucket=bucket,
        bucket_key=archive.key,
        output=output,
        trigger=actions.S3Trigger.NONE,  # CDK's own would want CloudTrail
    )
    return Source(action, output, [], ARCHIVED, ARCHIVED)


def allow_connection(grantee: iam.IGrantable, config: DeliveryConfig) -> None:
    """Let a role read the repository; CDK knows the service by its former name only."""
    if isinstance(config.source, Connection):
        allow(grantee, ["codeconnections:UseConnection"], config.source.arn)


def start(pipeline: codepipeline.Pipeline, config: DeliveryConfig) -> None:
    """Let a pipeline read its source; an archive starts it when it is put."""
    allow_connection(pipeline.role, config)
    if not isinstance(config.source, Archive):
        return
    allow_artifact_key(pipeline.role, config)
    events.Rule(
        pipeline,
        "Put",
        description="A new archive of the sources",
        event_pattern=events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [artifact_bucket(config)]},
                "object": {"key": [config.source.key]},
            },
        ),
        targets=[targets.CodePipeline(pipeline)],
    )

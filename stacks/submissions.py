"""Where submissions lie and wait, and the function that takes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from manifest import Manifest
from stacks.retention import retention
from stacks.settings.queued import MOST_DAYS, AsynchronousConfig
from stacks.settings.stage import StageConfig

ROOT = Path(__file__).parents[1]
# What the function is made of: tests/queued/test_door.py holds it to these.
MODULES = ("door", "messages", "store", "submission")

# The worker buries what failed ten times, with the reason; this is for what no worker
# ever lived to look at.
MOST_RECEIVED = 20
TIMEOUT_SECONDS = 20  # three attempts at each of four calls, in the worst case


class Submissions(Construct):
    """A bucket, a queue of items, one of references, one of dead letters; encrypted.

    The bucket is kept when the endpoint is destroyed, and forgets by itself.
    """

    def __init__(
        self, scope: Construct, id_: str, *, config: AsynchronousConfig
    ) -> None:
        super().__init__(scope, id_)
        days = cdk.Duration.days(config.submissions.expiry_days)
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(
                    # A day more: what is over by its date is told of no more already.
                    expiration=days.plus(cdk.Duration.days(1)),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.dead = self._queue("DeadLetters", cdk.Duration.days(MOST_DAYS))
        after = sqs.DeadLetterQueue(max_receive_count=MOST_RECEIVED, queue=self.dead)
        self.items = self._queue("Items", days, after)
        self.references = self._queue("References", days, after)
        self.topic = (
            sns.Topic(self, "Outcomes", enforce_ssl=True)
            if config.submissions.topic
            else None
        )

    def _queue(
        self,
        name: str,
        kept: cdk.Duration,
        dead_letters: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=kept,
            visibility_timeout=cdk.Duration.minutes(1),  # as the worker asks anyway
            dead_letter_queue=dead_letters,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

    @property
    def places(self) -> Mapping[str, str]:
        """What door and worker read from their environment."""
        return {
            "BUCKET": self.bucket.bucket_name,
            "QUEUE_URL": self.items.queue_url,
            "REFERENCES_URL": self.references.queue_url,
        }

    def let_work(self, role: iam.IRole, config: AsynchronousConfig) -> None:
        """Let a worker receive and end messages, and write what becomes of them.

        Nothing that is written once may be deleted: only parts, once they are joined.
        """
        take = [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
        ]
        arn = self.bucket.bucket_arn
        sources = [f"arn:{cdk.Aws.PARTITION}:s3:::{e[5:]}*" for e in _sources(config)]
        own = f"{arn}/submissions/*"
        may = [
            (take, [self.items.queue_arn, self.references.queue_arn]),
            (["sqs:SendMessage"], [self.references.queue_arn, self.dead.queue_arn]),
            (["s3:PutObject", "s3:AbortMultipartUpload"], [own]),
            (["s3:DeleteObject"], [f"{arn}/submissions/*/parts/*"]),
            (["s3:GetObject"], [own, f"{arn}/inputs/*", *sources]),
            # Without it S3 says of an object that is not there: forbidden.
            (["s3:ListBucket"], [arn]),
        ]
        if self.topic:
            may.append((["sns:Publish"], [self.topic.topic_arn]))
        for actions, resources in may:
            role.add_to_principal_policy(_allow(actions, resources))


class SubmissionDoor(Construct):
    """A function behind a URL of its own: nothing while nobody calls.

    It is in no VPC: all it calls are AWS's interfaces, with its own rights.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        config: AsynchronousConfig,
        release: Manifest,
        places: Submissions,
    ) -> None:
        super().__init__(scope, id_)
        terms = config.submissions
        log = logs.LogGroup(
            self,
            "Log",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        with door_code() as folder:
            self.function = lambda_.Function(
                self,
                "Function",
                function_name=f"{cdk.Stack.of(self).stack_name}-door",
                description="Takes submissions, and says what became of them",
                code=lambda_.Code.from_asset(folder),
                handler="containers.queued.door.handle",
                runtime=lambda_.Runtime.PYTHON_3_14,
                architecture=lambda_.Architecture.ARM_64,
                memory_size=512,  # of which a third of a core comes, for boto3's start
                timeout=cdk.Duration.seconds(TIMEOUT_SECONDS),
                reserved_concurrent_executions=terms.concurrency,
                role=_role(self, log, places, config),
                log_group=log,
                environment={
                    **places.places,
                    "MODEL_NAME": release.name,
                    "MAX_BATCH": str(release.max_batch),
                    "EXPIRY_DAYS": str(terms.expiry_days),
                    "WEBHOOKS": str(terms.webhooks).lower(),
                    "SOURCES": " ".join(terms.sources),
                },
            )
        kinds = lambda_.FunctionUrlAuthType
        self.url = self.function.add_function_url(
            auth_type=kinds.NONE if terms.public else kinds.AWS_IAM
        ).url


def _role(
    scope: Construct,
    log: logs.LogGroup,
    places: Submissions,
    config: AsynchronousConfig,
) -> iam.Role:
    """May keep and read submissions and send their messages, and write its log."""
    arn = places.bucket.bucket_arn
    own = [f"{arn}/submissions/*", f"{arn}/keys/*"]
    sources = [f"arn:{cdk.Aws.PARTITION}:s3:::{e[5:]}*" for e in _sources(config)]
    queues = [places.items.queue_arn, places.references.queue_arn]
    statements = [
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], [log.log_group_arn]),
        _allow(["sqs:SendMessage"], queues),
        _allow(["s3:PutObject"], own),
        _allow(["s3:GetObject"], [*own, f"{arn}/inputs/*", *sources]),
        # Of a submission that is over, before it is made again.
        _allow(["s3:DeleteObject"], [f"{arn}/submissions/*/outcome.json"]),
        # Without it S3 says of an object that is not there: forbidden.
        _allow(["s3:ListBucket"], [arn]),
    ]
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Door": iam.PolicyDocument(statements=statements)},
    )


def _sources(config: AsynchronousConfig) -> tuple[str, ...]:
    return config.submissions.sources


def _allow(actions: list[str], resources: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=resources)


@contextmanager
def door_code() -> Iterator[str]:
    """A folder with the door's modules, under the name that they import each other by.

    Copied: an asset that leaves files out is looked for in all that is there. It must
    last until the function has been made.
    """
    with TemporaryDirectory() as folder:
        package = Path(folder) / "containers" / "queued"
        package.mkdir(parents=True)
        containers = ROOT / "containers"
        shutil.copyfile(containers / "__init__.py", package.parent / "__init__.py")
        for name in ("__init__", *MODULES):
            source = containers / "queued" / f"{name}.py"
            shutil.copyfile(source, package / source.name)
        yield folder

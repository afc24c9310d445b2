"""An asynchronous endpoint: what it is made of, who may do what, and when it grows."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from containers.queued import settings
from costs.bill import bill
from costs.options import TRAFFIC, options
from costs.reading import read_assembly
from costs.scale import Scale
from costs.usage import Usage
from stacks.settings.checked import ConfigError
from stacks.settings.compute import FargateConfig, InstancesConfig
from stacks.settings.queued import (
    AsynchronousConfig,
    QueueWatchConfig,
    SubmissionConfig,
)
from stacks.stage import Stage
from stacks.submissions import MODULES
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    CDK_JSON,
    DEV,
    SHOWN,
    named,
    of_type,
    only,
    template,
    write_release,
)

PLAIN = AsynchronousConfig(
    name="queue",
    model="support-sentiment",
    max_workers=8,
    backlog_per_worker=500,
    compute=FargateConfig(spot_percent=100),
    watch=QueueWatchConfig(dashboard=False),
)
FULL = AsynchronousConfig(
    name="open",
    model="support-sentiment",
    max_workers=2,
    backlog_per_worker=10,
    idle_minutes=5,
    submissions=SubmissionConfig(
        public=True,
        expiry_days=14,
        concurrency=20,
        webhooks=True,
        topic=True,
        sources=("s3://elsewhere/texts/",),
    ),
    watch=QueueWatchConfig(
        late_minutes=5, overdue_hours=2, emails=("platform@example.com",)
    ),
)
ROOT = Path(__file__).parents[2]

Template = dict[str, Any]


@pytest.fixture(scope="module")
def synthesized(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> Path:
    """One stage with both endpoints, and nothing else."""
    folder = tmp_path_factory.mktemp("queued")
    write_release(folder / "releases", "dev", make_manifest())
    flags = json.loads(CDK_JSON.read_text())["context"]
    out = folder / "cdk.out"
    app = cdk.App(context=flags, outdir=str(out), analytics_reporting=False)
    app.node.set_context("aws:cdk:disable-creation-stack-traces", True)
    stage = replace(DEV, endpoints=(PLAIN, FULL))
    releases = folder / "releases"
    Stage(app, config=stage, delivery=SHOWN.delivery, releases=releases)
    app.synth()
    return out


@pytest.fixture(scope="module")
def plain(synthesized: Path) -> Template:
    return template(synthesized, "dev-endpoint-queue")


@pytest.fixture(scope="module")
def full(synthesized: Path) -> Template:
    return template(synthesized, "dev-endpoint-open")


def container(found: Template) -> dict[str, Any]:
    task = only(found, "AWS::ECS::TaskDefinition")
    (container,) = task["ContainerDefinitions"]
    return dict(container)


def statements(found: Template, role: str) -> list[dict[str, Any]]:
    """All that a role may, by the start of its logical id."""
    policies = [
        policy["PolicyDocument"]
        for kind in ("AWS::IAM::Role", "AWS::IAM::Policy")
        for id_, each in named(found, kind).items()
        if id_.startswith(role)
        for policy in [each, *each.get("Policies", [])]
        if "PolicyDocument" in policy
    ]
    return [each for policy in policies for each in policy["Statement"]]


def actions(found: Template, role: str) -> set[str]:
    given = [each["Action"] for each in statements(found, role)]
    return {a for each in given for a in ([each] if isinstance(each, str) else each)}


def alarms(found: Template) -> dict[str, dict[str, Any]]:
    return named(found, "AWS::CloudWatch::Alarm")


def test_has_no_load_balancer_and_listens_nowhere(plain: Template) -> None:
    kinds = {each["Type"] for each in plain["Resources"].values()}
    assert not [kind for kind in kinds if "ElasticLoadBalancing" in kind]
    assert "PortMappings" not in container(plain)
    group = only(plain, "AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in group
    (out,) = group["SecurityGroupEgress"]
    assert (out["FromPort"], out["ToPort"]) == (443, 443)


def test_workers_are_the_serving_image_with_another_command(plain: Template) -> None:
    task = container(plain)
    assert task["Command"] == ["python", "-m", "containers.queued", "worker"]
    assert ":support-sentiment-3f1c9a07be24" in json.dumps(task["Image"])
    assert task["ReadonlyRootFilesystem"] is True
    assert task["StopTimeout"] == 60


def test_a_worker_is_told_all_that_it_cannot_do_without(full: Template) -> None:
    given = {e["Name"]: "given" for e in container(full)["Environment"]}
    assert settings.read_settings(given).topic_arn == "given"
    assert given["AWS_DEFAULT_REGION"]


def test_the_door_is_told_all_that_it_reads(plain: Template) -> None:
    text = (ROOT / "containers/queued/door.py").read_text()
    door = only(plain, "AWS::Lambda::Function")
    told = door["Environment"]["Variables"]
    for name in told:
        assert f'"{name}"' in text, name
    assert (told["MAX_BATCH"], told["WEBHOOKS"], told["SOURCES"]) == ("32", "false", "")
    assert door["Handler"] == "containers.queued.door.handle"


def test_the_door_s_code_is_the_modules_that_it_imports(synthesized: Path) -> None:
    (asset,) = synthesized.glob("asset.*")
    found = {str(path.relative_to(asset)) for path in asset.rglob("*.py")}
    wanted = {f"containers/queued/{name}.py" for name in ("__init__", *MODULES)}
    assert found == {"containers/__init__.py", *wanted}


def test_the_door_wants_iam_unless_it_is_public(
    plain: Template, full: Template
) -> None:
    assert only(plain, "AWS::Lambda::Url")["AuthType"] == "AWS_IAM"
    assert of_type(plain, "AWS::Lambda::Permission") == []
    assert only(full, "AWS::Lambda::Url")["AuthType"] == "NONE"


def test_calls_are_bounded_where_that_is_asked_for(
    plain: Template, full: Template
) -> None:
    """A new account has ten calls at a time, and AWS refuses to reserve any of them."""
    kind = "AWS::Lambda::Function"
    assert "ReservedConcurrentExecutions" not in only(plain, kind)
    assert only(full, kind)["ReservedConcurrentExecutions"] == 20


def test_queues_are_encrypted_take_tls_only_and_end_in_dead_letters(
    plain: Template,
) -> None:
    queues = named(plain, "AWS::SQS::Queue")
    assert len(queues) == 3
    (dead,) = [id_ for id_ in queues if "DeadLetters" in id_]
    for id_, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True
        if id_ == dead:
            assert queue["MessageRetentionPeriod"] == 14 * 86_400
        else:
            arn = {"Fn::GetAtt": [dead, "Arn"]}
            redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": 20}
            assert queue["RedrivePolicy"] == redrive
            assert queue["MessageRetentionPeriod"] == 7 * 86_400
    for policy in of_type(plain, "AWS::SQS::QueuePolicy"):
        (denied,) = policy["PolicyDocument"]["Statement"]
        assert denied["Effect"] == "Deny"
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(of_type(plain, "AWS::SQS::QueuePolicy")) == 3


def test_the_bucket_is_private_forgets_and_is_kept(plain: Template) -> None:
    ((_, bucket),) = named(plain, "AWS::S3::Bucket").items()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 8
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    (whole,) = [
        each
        for each in plain["Resources"].values()
        if each["Type"] == "AWS::S3::Bucket"
    ]
    assert whole["DeletionPolicy"] == "Retain"


def test_a_worker_may_not_take_an_answer_back(plain: Template) -> None:
    """It writes what it answered and deletes parts, and never what was asked or told."""
    may = statements(plain, "TaskDefinitionTaskRole")
    (delete,) = [each for each in may if "s3:DeleteObject" in each["Action"]]
    assert delete["Resource"]["Fn::Join"][1][-1] == "/submissions/*/parts/*"
    assert actions(plain, "TaskDefinitionTaskRole") == {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    }


def test_the_door_may_send_and_not_receive(plain: Template) -> None:
    assert actions(plain, "DoorRole") == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sqs:SendMessage",
    }


def test_nobody_may_all_of_anything(plain: Template, full: Template) -> None:
    for found in (plain, full):
        for role in ("DoorRole", "TaskDefinitionTaskRole"):
            for each in statements(found, role):
                assert each["Resource"] != "*", each
                assert "*" not in each["Action"], each


def test_sources_elsewhere_and_a_topic_are_granted_where_they_are_asked_for(
    plain: Template, full: Template
) -> None:
    assert "sns:Publish" in actions(full, "TaskDefinitionTaskRole")
    for role in ("DoorRole", "TaskDefinitionTaskRole"):
        assert ":s3:::elsewhere/texts/*" in json.dumps(statements(full, role))
        assert "elsewhere" not in json.dumps(statements(plain, role))


def test_scales_from_zero_and_back(plain: Template) -> None:
    target = only(plain, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 8)
    assert "DesiredCount" not in only(plain, "AWS::ECS::Service")
    policies = {
        policy["StepScalingPolicyConfiguration"]["AdjustmentType"]: policy[
            "StepScalingPolicyConfiguration"
        ]["StepAdjustments"]
        for policy in of_type(plain, "AWS::ApplicationAutoScaling::ScalingPolicy")
    }
    more = policies["ChangeInCapacity"]
    assert [step["ScalingAdjustment"] for step in more] == [1, 2, 4, 8]
    for step, after in pairwise(more):
        assert step["MetricIntervalUpperBound"] == after["MetricIntervalLowerBound"]
    (none,) = policies["ExactCapacity"]
    assert (none["ScalingAdjustment"], none["MetricIntervalUpperBound"]) == (0, 0)


def test_the_backlog_is_of_both_queues_and_counted_for_each_worker(
    plain: Template,
) -> None:
    (busy,) = [a for id_, a in alarms(plain).items() if "Busy" in id_]
    (expression,) = [m["Expression"] for m in busy["Metrics"] if "Expression" in m]
    backlog = "(FILL(items, 0) + FILL(references, 0))"
    share = f"{backlog} / 500"
    first = f"IF({backlog} > 0, IF({share} > 1, {share}, 1), 0)"
    wanted = f"IF(FILL(workers, 0) > 0, {share} / FILL(workers, 0), {first})"
    assert expression == wanted
    assert (busy["Threshold"], busy["EvaluationPeriods"]) == (1, 1)


def test_workers_go_once_nothing_waits_and_nothing_is_worked_on(
    plain: Template,
) -> None:
    (idle,) = [a for id_, a in alarms(plain).items() if "Idle" in id_]
    names = {m["MetricStat"]["Metric"]["MetricName"] for m in idle["Metrics"][1:]}
    assert names == {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
    }
    assert idle["EvaluationPeriods"] == 15
    # SQS tells nothing of a queue that nobody has used for six hours.
    assert idle["TreatMissingData"] == "breaching"


def test_wakes_somebody_about_what_waits_what_is_dead_and_the_door(
    full: Template,
) -> None:
    told = {
        alarm["AlarmName"].rpartition("-")[2]: alarm
        for alarm in alarms(full).values()
        if "AlarmName" in alarm
    }
    assert told.keys() == {"late", "overdue", "dead", "door"}
    assert told["late"]["Threshold"] == 300
    assert told["overdue"]["Threshold"] == 7200
    assert told["dead"]["Threshold"] == 0
    for name, alarm in told.items():
        assert alarm["AlarmActions"]
        assert (ROOT / "docs" / "runbooks" / f"{name}.md").is_file()
        assert f"runbooks/{name}.md" in alarm["AlarmDescription"]


def test_dead_letters_take_a_rollout_back(plain: Template) -> None:
    service = named(plain, "AWS::ECS::Service")
    ((_, properties),) = service.items()
    told = properties["DeploymentConfiguration"]
    assert told["Alarms"] == {
        "AlarmNames": ["dev-endpoint-queue-dead"],
        "Enable": True,
        "Rollback": True,
    }
    assert told["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (told["MinimumHealthyPercent"], told["MaximumPercent"]) == (0, 100)


def test_each_resource_says_whose_it_is(plain: Template) -> None:
    for kind in ("AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Lambda::Function"):
        for each in of_type(plain, kind):
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            assert tags["stage"] == "dev"
            assert tags["model"] == "support-sentiment"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "A Queue"}, "name: 'A Queue' is not lower-case words"),
        ({"mode": "real-time"}, "mode: 'real-time' is not one of asynchronous"),
        ({"runtime": "tf_serving"}, "runtime: 'tf_serving' is not one of flask"),
        ({"max_workers": 0}, "max_workers: 0 is not between 1 and 1000"),
        ({"backlog_per_worker": 0.5}, "backlog_per_worker: 0.5 is not a whole number"),
        ({"idle_minutes": 1}, "idle_minutes: 1 is not between 2 and 1440"),
        ({"compute": InstancesConfig("none")}, "compute.pool: 'none' is not one of "),
        (
            {"submissions": SubmissionConfig(expiry_days=15)},
            "submissions.expiry_days: 15 is not between 1 and 14",
        ),
        (
            {"submissions": SubmissionConfig(concurrency=0)},
            "submissions.concurrency: 0 is not between 1 and 1000",
        ),
        (
            {"submissions": SubmissionConfig(sources=("s3://a-bucket/prefix",))},
            "submissions.sources: 's3://a-bucket/prefix' is not a prefix that ends in",
        ),
        (
            {"submissions": SubmissionConfig(public="yes")},  # type: ignore[arg-type]
            "submissions.public: 'yes' is not True or False",
        ),
        (
            {"watch": QueueWatchConfig(late_minutes=0)},
            "watch.late_minutes: 0 is not between 1 and 20000",
        ),
        (
            {"watch": QueueWatchConfig(emails=("nobody",))},
            "watch.emails: 'nobody' is not an address",
        ),
    ],
)
def test_names_stage_endpoint_field_value_and_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(DEV, endpoints=(replace(PLAIN, **changes),))
    where = f"stage dev: endpoint {changes.get('name', 'queue')}: "
    assert str(refusal.value).startswith(where + message)


def idle(assembly: Path, stack: str) -> float:
    """USD a month while nobody submits: of the stack alone, as a bill counts it."""
    nothing = dict.fromkeys(TRAFFIC, Scale.always(0))
    found = bill(read_assembly(assembly), replace(Usage(), **nothing))
    return sum(line.monthly.minimum for line in found.lines if line.stack == stack)


def test_costs_two_dollars_a_month_at_most_while_nobody_submits(
    synthesized: Path,
) -> None:
    """Without its page, which is 3 dollars of itself."""
    assert 0 < idle(synthesized, "dev-endpoint-queue") <= 2
    assert idle(synthesized, "dev-endpoint-open") <= 5


def test_the_table_of_idle_costs_counts_what_the_template_has(
    synthesized: Path, plain: Template
) -> None:
    (option,) = [
        each
        for each in options("us-east-1", Usage())
        if each.group == "Asynchronous endpoint"
    ]
    found = idle(synthesized, "dev-endpoint-queue")
    assert option.monthly == pytest.approx(found, abs=0.005)


def test_the_bill_expects_few_workers_and_at_most_all(synthesized: Path) -> None:
    found = bill(read_assembly(synthesized), Usage())
    (service,) = [
        line
        for line in found.lines
        if line.stack == "dev-endpoint-queue" and line.type == "AWS::ECS::Service"
    ]
    assert service.monthly.minimum == 0
    hourly = service.monthly.maximum / 8
    assert service.monthly.expected == pytest.approx(0.1 * hourly)


def test_whoever_knows_their_workers_says_so_at_each_scale(synthesized: Path) -> None:
    # red if a figure of --usage is printed below the bill, and not counted with
    known = replace(Usage(), queue_workers=Scale(0.5, 1, 2))
    assembly = read_assembly(synthesized)
    usual, told = (
        next(
            line.monthly
            for line in bill(assembly, usage).lines
            if line.stack == "dev-endpoint-queue" and line.type == "AWS::ECS::Service"
        )
        for usage in (Usage(), known)
    )
    hourly = usual.maximum / 8
    assert told.ends == pytest.approx((0.5 * hourly, hourly, 2 * hourly))


def test_its_bill_a_million_is_by_its_submissions(synthesized: Path) -> None:
    # red if it is divided by requests of a load balancer, which it has not
    found = bill(read_assembly(synthesized), Usage())
    (endpoint,) = [e for e in found.endpoints if e.name == "dev/queue"]
    assert endpoint.predictions == Usage().submissions

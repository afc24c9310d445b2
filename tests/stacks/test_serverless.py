"""A serverless endpoint: what it is made of, who may do what, and how it is replaced."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from containers.flask import settings as server
from costs.bill import Bill, Line, bill
from costs.charges import SECONDS
from costs.options import TRAFFIC, options
from costs.reading import read_assembly
from costs.scale import Scale
from costs.usage import Usage
from stacks.quotas import FUNCTIONS, needs
from stacks.release import read_release
from stacks.runtimes import SERVERS
from stacks.settings.checked import ConfigError
from stacks.settings.serverless import (
    CanaryConfig,
    FunctionWatchConfig,
    ServerlessConfig,
)
from stacks.size import function_memory
from stacks.stage import Stage
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

PLAIN = ServerlessConfig(
    name="plain",
    model="support-sentiment",
    concurrency=5,
    watch=FunctionWatchConfig(dashboard=False),
)
FULL = ServerlessConfig(
    name="open",
    model="support-sentiment",
    concurrency=20,
    provisioned=2,
    memory_mib=3_008,
    timeout_seconds=20,
    public=True,
    canary=CanaryConfig(percent=25, minutes=5),
    watch=FunctionWatchConfig(
        latency_slo_ms=400, failing_percent=0.5, emails=("platform@example.com",)
    ),
)
ARM = replace(PLAIN, name="arm", model="support-topics", concurrency=1)
ROOT = Path(__file__).parents[2]

Template = dict[str, Any]


@pytest.fixture(scope="module")
def synthesized(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> Path:
    """One stage with the three endpoints, and nothing else."""
    folder = tmp_path_factory.mktemp("serverless")
    write_release(folder / "releases", "dev", make_manifest())
    on_arm = make_manifest(name="support-topics", architecture="arm64")
    write_release(folder / "releases", "dev", on_arm)
    flags = json.loads(CDK_JSON.read_text())["context"]
    out = folder / "cdk.out"
    app = cdk.App(context=flags, outdir=str(out), analytics_reporting=False)
    app.node.set_context("aws:cdk:disable-creation-stack-traces", True)
    stage = replace(DEV, endpoints=(PLAIN, FULL, ARM))
    releases = folder / "releases"
    Stage(app, config=stage, delivery=SHOWN.delivery, releases=releases)
    app.synth()
    return out


@pytest.fixture(scope="module")
def plain(synthesized: Path) -> Template:
    return template(synthesized, "dev-endpoint-plain")


@pytest.fixture(scope="module")
def full(synthesized: Path) -> Template:
    return template(synthesized, "dev-endpoint-open")


@pytest.fixture(scope="module")
def billed(synthesized: Path) -> Bill:
    return bill(read_assembly(synthesized), Usage())


def function(found: Template) -> dict[str, Any]:
    return only(found, "AWS::Lambda::Function")


def whole(found: Template, kind: str) -> dict[str, Any]:
    """A resource with what stands beside its properties."""
    (it,) = (each for each in found["Resources"].values() if each["Type"] == kind)
    return dict(it)


def statements(found: Template, principal: str) -> list[dict[str, Any]]:
    """All that the role of a service may."""
    (role,) = (
        each
        for each in of_type(found, "AWS::IAM::Role")
        if principal in json.dumps(each["AssumeRolePolicyDocument"])
    )
    assert "ManagedPolicyArns" not in role
    assert of_type(found, "AWS::IAM::Policy") == []
    return [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]


def alarms(found: Template) -> dict[str, dict[str, Any]]:
    return {
        alarm["AlarmName"].rpartition("-")[2]: alarm
        for alarm in of_type(found, "AWS::CloudWatch::Alarm")
    }


def lines(found: Bill, stack: str) -> dict[str, Line]:
    """The priced lines of a stack, by type; of several the last."""
    return {each.type: each for each in found.lines if each.stack == stack}


def test_runs_the_release_s_image_for_functions_and_nothing_of_a_cluster(
    plain: Template,
) -> None:
    uri = json.dumps(function(plain)["Code"]["ImageUri"])
    tag = "support-sentiment-3f1c9a07be24-function"
    assert f"/lathe/support-sentiment/flask:{tag}" in uri
    assert function(plain)["PackageType"] == "Image"
    assert "VpcConfig" not in function(plain)
    kinds = {each["Type"] for each in plain["Resources"].values()}
    assert not [k for k in kinds if k.split("::")[1] in ("ECS", "EC2", "S3")]


def test_runs_on_what_the_release_was_built_for(
    synthesized: Path, plain: Template
) -> None:
    assert function(plain)["Architectures"] == ["x86_64"]
    arm = template(synthesized, "dev-endpoint-arm")
    assert function(arm)["Architectures"] == ["arm64"]


def test_the_adapter_is_told_where_the_server_listens_and_when_it_is_ready(
    plain: Template,
) -> None:
    told = function(plain)["Environment"]["Variables"]
    assert told["AWS_LWA_PORT"] == str(SERVERS["flask"].port)
    assert told["AWS_LWA_READINESS_CHECK_PATH"] == SERVERS["flask"].health
    assert told["AWS_LWA_READINESS_CHECK_HEALTHY_STATUS"] == "200"


def test_the_server_takes_what_a_function_tells_it(
    plain: Template, full: Template
) -> None:
    """As much of a core as comes with the memory: 1,769 MB are one."""
    for found, vcpu in ((plain, "1"), (full, "1.7")):
        told = function(found)["Environment"]["Variables"]
        server.read_settings(told)
        assert told["SERVER_VCPU"] == vcpu


@pytest.mark.parametrize(
    ("peak_mib", "memory_mib"), [(400, 1_769), (1_415, 1_769), (1_416, 1_770)]
)
def test_has_a_core_and_the_memory_that_the_release_needs(
    peak_mib: int, memory_mib: int, make_manifest: ManifestFactory
) -> None:
    made = make_manifest()
    _, serving = made.measured()
    release = replace(made, serving=replace(serving, memory_mib=peak_mib))
    assert function_memory(PLAIN, release) == memory_mib
    assert function_memory(FULL, release) == 3_008


def test_less_memory_than_the_release_was_measured_to_take_is_refused(
    make_manifest: ManifestFactory,
) -> None:
    made = make_manifest()
    _, serving = made.measured()
    release = replace(made, serving=replace(serving, memory_mib=3_009))
    message = "endpoint full: memory_mib: 3008 is not between 3009 and 10240"
    with pytest.raises(ConfigError, match=message):
        function_memory(replace(FULL, name="full"), release)


def test_a_release_that_no_function_holds_is_refused_by_its_file(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    made = make_manifest()
    _, serving = made.measured()
    large = replace(made, serving=replace(serving, memory_mib=9_000))
    write_release(tmp_path, "dev", large)
    path = tmp_path / "dev" / "support-sentiment.json"
    wanted = "serving.memory_mib: 9000 is not enough for a function"
    with pytest.raises(ConfigError, match=f"{path}: endpoint plain: {wanted}"):
        read_release(path, PLAIN, None)
    with pytest.raises(ConfigError, match="serving: not measured"):
        function_memory(PLAIN, replace(made, serving=None))


def test_may_write_its_own_log_and_nothing_else(full: Template) -> None:
    (only_one,) = statements(full, "lambda.amazonaws.com")
    ((log, _),) = named(full, "AWS::Logs::LogGroup").items()
    assert only_one["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert only_one["Resource"] == {"Fn::GetAtt": [log, "Arn"]}


def test_logs_as_json_and_no_line_for_what_went_well(plain: Template) -> None:
    told = function(plain)["LoggingConfig"]
    ((log, group),) = named(plain, "AWS::Logs::LogGroup").items()
    assert told == {
        "LogFormat": "JSON",
        "LogGroup": {"Ref": log},
        "SystemLogLevel": "WARN",
    }
    assert group["RetentionInDays"] == DEV.log_days
    assert "TracingConfig" not in function(plain)


def test_callers_ask_an_alias_and_as_whom_they_like_only_where_it_is_public(
    plain: Template, full: Template
) -> None:
    for found, kind in ((plain, "AWS_IAM"), (full, "NONE")):
        address = only(found, "AWS::Lambda::Url")
        assert address["AuthType"] == kind
        assert address["Qualifier"] == only(found, "AWS::Lambda::Alias")["Name"]
    assert of_type(plain, "AWS::Lambda::Permission") == []
    may = of_type(full, "AWS::Lambda::Permission")
    assert {each["Principal"] for each in may} == {"*"}
    url, direct = sorted(may, key=lambda each: str(each["Action"]), reverse=True)
    assert url["FunctionUrlAuthType"] == "NONE"
    assert direct["InvokedViaFunctionUrl"] is True


def test_as_many_environments_run_at_once_as_are_reserved(
    plain: Template, full: Template
) -> None:
    assert function(plain)["ReservedConcurrentExecutions"] == 5
    assert function(full)["ReservedConcurrentExecutions"] == 20


def test_environments_are_kept_warm_of_a_version_not_of_the_alias(
    plain: Template, full: Template
) -> None:
    """An alias that keeps some warm and is moved by weights can be moved no more."""
    kept = {"ProvisionedConcurrentExecutions": 2}
    assert only(full, "AWS::Lambda::Version")["ProvisionedConcurrencyConfig"] == kept
    assert "ProvisionedConcurrencyConfig" not in only(plain, "AWS::Lambda::Version")
    assert "ProvisionedConcurrencyConfig" not in only(full, "AWS::Lambda::Alias")


def test_another_release_is_another_version(
    synthesized: Path, tmp_path: Path, make_manifest: ManifestFactory, plain: Template
) -> None:
    write_release(tmp_path / "releases", "dev", make_manifest(version="0" * 12))
    flags = json.loads(CDK_JSON.read_text())["context"]
    out = str(tmp_path / "cdk.out")
    app = cdk.App(context=flags, outdir=out, analytics_reporting=False)
    stage = replace(DEV, endpoints=(PLAIN,))
    Stage(app, config=stage, delivery=SHOWN.delivery, releases=tmp_path / "releases")
    app.synth()
    after = template(tmp_path / "cdk.out", "dev-endpoint-plain")
    kind = "AWS::Lambda::Version"
    assert named(plain, kind).keys() != named(after, kind).keys()
    assert function(plain)["FunctionName"] == function(after)["FunctionName"]


def test_a_canary_moves_the_alias_and_errors_and_duration_take_it_back(
    full: Template,
) -> None:
    ((group, told),) = named(full, "AWS::CodeDeploy::DeploymentGroup").items()
    ((steps, config),) = named(full, "AWS::CodeDeploy::DeploymentConfig").items()
    ((application, _),) = named(full, "AWS::CodeDeploy::Application").items()
    moved = whole(full, "AWS::Lambda::Alias")["UpdatePolicy"]
    assert moved["CodeDeployLambdaAliasUpdate"] == {
        "ApplicationName": {"Ref": application},
        "DeploymentGroupName": {"Ref": group},
    }
    assert told["DeploymentConfigName"] == {"Ref": steps}
    assert config["TrafficRoutingConfig"] == {
        "TimeBasedCanary": {"CanaryInterval": 5, "CanaryPercentage": 25},
        "Type": "TimeBasedCanary",
    }
    ids = set(named(full, "AWS::CloudWatch::Alarm"))
    watched = {each["Name"]["Ref"] for each in told["AlarmConfiguration"]["Alarms"]}
    assert watched <= ids
    names = named(full, "AWS::CloudWatch::Alarm")
    assert {names[each]["AlarmName"] for each in watched} == {
        "dev-endpoint-open-errors",
        "dev-endpoint-open-duration",
    }
    assert told["AutoRollbackConfiguration"] == {
        "Enabled": True,
        "Events": [
            "DEPLOYMENT_FAILURE",
            "DEPLOYMENT_STOP_ON_REQUEST",
            "DEPLOYMENT_STOP_ON_ALARM",
        ],
    }


def test_codedeploy_may_move_this_alias_and_no_other(full: Template) -> None:
    ((id_, _),) = named(full, "AWS::Lambda::Function").items()
    arn = {"Fn::GetAtt": [id_, "Arn"]}
    may = statements(full, "codedeploy.amazonaws.com")
    by_action = {json.dumps(each["Action"]): each["Resource"] for each in may}
    assert by_action['["lambda:GetAlias", "lambda:UpdateAlias"]'] == arn
    alarms_ = by_action['"cloudwatch:DescribeAlarms"']
    assert alarms_["Fn::Join"][1][-1] == ":alarm:*"
    assert len(may) == 3
    assert '"*"' not in json.dumps(list(by_action.values()))


def test_wakes_somebody_about_errors_time_refusals_and_what_comes_close(
    full: Template,
) -> None:
    told = alarms(full)
    assert told.keys() == {"errors", "duration", "throttles", "concurrency"}
    limits = {name: alarm["Threshold"] for name, alarm in told.items()}
    assert limits == {"errors": 0.5, "duration": 400, "throttles": 0, "concurrency": 16}
    for name, alarm in told.items():
        assert alarm["AlarmActions"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert (ROOT / "docs" / "runbooks" / f"{name}.md").is_file()
        assert f"runbooks/{name}.md" in alarm["AlarmDescription"]


def test_alarms_watch_the_alias_that_callers_ask(full: Template) -> None:
    """Lambda counts requests of an address by function and by `FUNCTION:ALIAS`."""
    ((id_, _),) = named(full, "AWS::Lambda::Function").items()
    duration = alarms(full)["duration"]
    assert (duration["MetricName"], duration["ExtendedStatistic"]) == (
        "Duration",
        "p99",
    )
    dimensions = {each["Name"]: each["Value"] for each in duration["Dimensions"]}
    assert dimensions == {
        "FunctionName": {"Ref": id_},
        "Resource": {"Fn::Join": ["", [{"Ref": id_}, ":live"]]},
    }
    errors = alarms(full)["errors"]["Metrics"]
    names = {
        m["MetricStat"]["Metric"]["MetricName"] for m in errors if "MetricStat" in m
    }
    assert names == {"Url5xxCount", "UrlRequestCount"}


def test_a_canary_that_codedeploy_gave_up_is_told_of(full: Template) -> None:
    rule = only(full, "AWS::Events::Rule")
    ((application, _),) = named(full, "AWS::CodeDeploy::Application").items()
    assert rule["EventPattern"]["source"] == ["aws.codedeploy"]
    detail = rule["EventPattern"]["detail"]
    assert detail == {
        "application": [{"Ref": application}],
        "state": ["FAILURE", "STOP"],
    }
    assert "runbooks/canary.md" in rule["Description"]
    assert (ROOT / "docs" / "runbooks" / "canary.md").is_file()


def test_each_resource_says_whose_it_is(full: Template) -> None:
    for kind in ("AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::SNS::Topic"):
        for each in of_type(full, kind):
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            assert tags["stage"] == "dev"
            assert tags["model"] == "support-sentiment"


def test_there_is_a_page_unless_nobody_wants_one(
    plain: Template, full: Template
) -> None:
    assert of_type(plain, "AWS::CloudWatch::Dashboard") == []
    page = only(full, "AWS::CloudWatch::Dashboard")
    assert page["DashboardName"] == "dev-endpoint-open"
    body = json.dumps(page["DashboardBody"])
    for name in ("ConcurrentExecutions", "UrlRequestLatency", "Throttles"):
        assert name in body


def test_the_repository_lets_lambda_pull_for_these_functions_alone(
    assembly: Path,
) -> None:
    registry = template(assembly, "delivery-registry")
    policies = {
        each["RepositoryName"]: each.get("RepositoryPolicyText")
        for each in of_type(registry, "AWS::ECR::Repository")
    }
    assert policies["lathe/support-sentiment/tf_serving"] is None
    (allowed,) = policies["lathe/support-sentiment/flask"]["Statement"]
    assert allowed["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert allowed["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    sources = allowed["Condition"]["StringLike"]["aws:SourceArn"]
    assert [each["Fn::Join"][1][-1] for each in sources] == [
        ":function:demo-endpoint-function",
        ":function:demo-endpoint-function:*",
    ]


def test_the_image_of_a_function_that_a_stage_runs_is_never_removed(
    assembly: Path,
) -> None:
    registry = template(assembly, "delivery-registry")
    for each in of_type(registry, "AWS::ECR::Repository"):
        rules = json.loads(each["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert rules[0]["selection"]["countNumber"] == 3


def test_preflight_counts_what_is_reserved_and_what_aws_lets_nobody_reserve() -> None:
    what = replace(
        SHOWN, stages=(replace(DEV, endpoints=(PLAIN, FULL)), *SHOWN.stages[1:2])
    )
    (need,) = [n for n in needs(what, {}) if n.quota is FUNCTIONS and n.stage == "dev"]
    assert need.amount == 5 + 20 + 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "A Function"}, "name: 'A Function' is not lower-case words"),
        (
            {"name": "a" * 52},
            f"name: '{'a' * 52}' is not short enough: dev-endpoint-NAME may have 64",
        ),
        ({"canary": None}, "canary: None is not a CanaryConfig"),
        (
            {"watch": CanaryConfig()},
            "watch: CanaryConfig(percent=10, minutes=10) is not a FunctionWatchConfig",
        ),
        ({"mode": "real-time"}, "mode: 'real-time' is not one of serverless"),
        ({"runtime": "tf_serving"}, "runtime: 'tf_serving' is not one of flask"),
        ({"concurrency": 0}, "concurrency: 0 is not between 1 and 1000"),
        ({"concurrency": 1_001}, "concurrency: 1001 is not between 1 and 1000"),
        ({"concurrency": None}, "concurrency: None is not a whole number between"),
        ({"provisioned": -1}, "provisioned: -1 is not between 0 and 2"),
        ({"provisioned": 3}, "provisioned: 3 is not between 0 and 2"),
        ({"memory_mib": 127}, "memory_mib: 127 is not between 128 and 10240"),
        ({"memory_mib": 10_241}, "memory_mib: 10241 is not between 128 and 10240"),
        ({"timeout_seconds": 901}, "timeout_seconds: 901 is not between 1 and 900"),
        ({"public": "yes"}, "public: 'yes' is not True or False"),
        (
            {"canary": CanaryConfig(percent=100)},
            "canary.percent: 100 is not between 1 and 99",
        ),
        (
            {"canary": CanaryConfig(minutes=4)},
            "canary.minutes: 4 is not between 5 and 2880",
        ),
        (
            {"watch": FunctionWatchConfig(failing_percent=0)},
            "watch.failing_percent: 0 is not between 0.01 and 50",
        ),
        (
            {"watch": FunctionWatchConfig(emails=("nobody",))},
            "watch.emails: 'nobody' is not an address",
        ),
        (
            {"timeout_seconds": 1, "watch": FunctionWatchConfig(latency_slo_ms=1_001)},
            "watch.latency_slo_ms: 1001 is not below timeout_seconds, 1",
        ),
    ],
)
def test_names_stage_endpoint_field_value_and_bound(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        replace(DEV, endpoints=(replace(PLAIN, **changes),))
    where = f"stage dev: endpoint {changes.get('name', 'plain')}: "
    assert str(refusal.value).startswith(where + message)


def idle(assembly: Path, stack: str) -> float:
    """USD a month while nobody calls: of the stack alone, as a bill counts it."""
    nothing = dict.fromkeys(TRAFFIC, Scale.always(0))
    found = bill(read_assembly(assembly), replace(Usage(), **nothing))
    return sum(line.monthly.minimum for line in found.lines if line.stack == stack)


def test_costs_a_dollar_a_month_at_most_while_nobody_calls(synthesized: Path) -> None:
    """Without its page, which is 3 dollars of itself, and none kept warm."""
    assert 0 < idle(synthesized, "dev-endpoint-plain") <= 1


def test_the_table_of_idle_costs_counts_what_the_template_has(
    synthesized: Path,
) -> None:
    rows = {
        each.name: each.monthly
        for each in options("us-east-1", Usage())
        if each.group == "Serverless endpoint"
    }
    whole_, x86, _ = rows.values()
    assert whole_ == pytest.approx(idle(synthesized, "dev-endpoint-plain"), abs=0.005)
    warm = idle(synthesized, "dev-endpoint-open") - whole_ - 3  # its page
    assert warm == pytest.approx(2 * x86 * 3_008 / 1_769)


def test_requests_cost_the_time_that_the_release_was_measured_to_take(
    billed: Bill, make_manifest: ManifestFactory
) -> None:
    """By hand: a core's 2.5 ms of one request in 400 a second, at 0.9 of its speed."""
    _, serving = make_manifest().measured()
    busy_ms = 1000 * serving.vcpu / serving.requests_per_second
    seconds = 100_000 * (busy_ms / 0.9 + 0.5) / 1000
    starting = 100_000 * 0.01 * 2
    gb, second = 1_769 / 1024, 0.0000166667
    line = lines(billed, "dev-endpoint-plain")["AWS::Lambda::Function"]
    expected = (seconds + starting) * gb * second + 0.1 * 0.2
    assert line.monthly.minimum == 0
    assert line.monthly.expected == pytest.approx(expected)


def test_no_month_costs_more_than_all_environments_busy(synthesized: Path) -> None:
    """docs/deploy.md tells what `concurrency` bounds; requests come on top."""
    many = replace(Usage(), function_requests=Scale.always(1e12))
    found = bill(read_assembly(synthesized), many)
    line = lines(found, "dev-endpoint-plain")["AWS::Lambda::Function"]
    each = SECONDS * 1_769 / 1024 * 0.0000166667
    requests = 1e6 * 0.2
    assert line.monthly.maximum == pytest.approx(5 * each + requests)
    answering, starting, _ = line.estimate.charges  # no time is left to start in
    assert answering.monthly.maximum == pytest.approx(5 * each)
    assert starting.monthly.maximum == 0
    page = (ROOT / "docs" / "deploy.md").read_text()
    (told,) = re.findall(r"(\d+\.\d\d) dollars a month for each environment", page)
    assert math.isclose(float(told), each, abs_tol=0.005)


def test_requests_of_an_endpoint_that_keeps_some_warm_are_cheaper(
    billed: Bill,
) -> None:
    line = lines(billed, "dev-endpoint-open")["AWS::Lambda::Function"]
    items = [charge.price.item for charge in line.estimate.charges]
    assert items == ["provisioned compute x86", "compute x86", "requests"]


def test_its_line_says_what_a_month_costs_at_most(billed: Bill) -> None:
    # "at maximum" is of the assumed requests, which nobody is held to
    line = lines(billed, "dev-endpoint-plain")["AWS::Lambda::Function"]
    assert re.search(
        r"\d+ at once at most: [\d,]+ a month if all", line.estimate.detail
    )


def test_its_bill_a_million_is_by_the_requests_of_functions(billed: Bill) -> None:
    (endpoint,) = [e for e in billed.endpoints if e.name == "dev/plain"]
    assert endpoint.predictions == Usage().function_requests
    assert endpoint.full_load is None

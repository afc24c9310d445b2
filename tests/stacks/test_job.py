"""A job costs nothing while no file is there, and its tasks reach no other file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from costs.bill import bill
from costs.reading import read_assembly
from costs.usage import Usage
from stacks.release import read_job_release
from stacks.settings.checked import ConfigError
from stacks.settings.compute import TaskSize
from stacks.settings.job import JobConfig, JobSchedule
from tests.conftest import ManifestFactory
from tests.stacks.conftest import DEMO, named, only, template, write_release

(JOB,) = DEMO.jobs
QUEUE = "AWS::Batch::JobQueue"
STACK = "demo-job-reviews"


@pytest.fixture(scope="module")
def job(assembly: Path) -> dict[str, Any]:
    return template(assembly, STACK)


def test_tasks_are_those_of_its_release_and_confined(job: dict[str, Any]) -> None:
    definition = only(job, "AWS::Batch::JobDefinition")
    container = definition["ContainerProperties"]
    told = {each["Name"]: each["Value"] for each in container["Environment"]}
    assert told["MODEL_NAME"] == "support-sentiment"
    assert told["MODEL_VERSION"] in json.dumps(container["Image"])
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] == "10001:10001"
    assert definition["PlatformCapabilities"] == ["FARGATE"]
    assert definition["RetryStrategy"]["Attempts"] == JOB.attempts
    assert definition["Timeout"]["AttemptDurationSeconds"] == JOB.timeout_minutes * 60


def test_python_m_batch_finds_queue_and_definition_by_name(job: dict[str, Any]) -> None:
    name = "lathe-demo-reviews"
    assert only(job, "AWS::Batch::JobQueue")["JobQueueName"] == name
    assert only(job, "AWS::Batch::JobDefinition")["JobDefinitionName"] == name


def test_no_task_waits_and_no_more_run_than_the_config_says(
    job: dict[str, Any],
) -> None:
    compute = only(job, "AWS::Batch::ComputeEnvironment")["ComputeResources"]
    assert compute["Type"] == "FARGATE_SPOT"
    assert compute["MaxvCpus"] == JOB.most_tasks  # of one vCPU each
    assert "MinvCpus" not in compute


def statements(job: dict[str, Any], action: str) -> list[dict[str, Any]]:
    found = []
    for resource in job["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy":
            for each in resource["Properties"]["PolicyDocument"]["Statement"]:
                if action in json.dumps(each["Action"]):
                    found.append(each)
    return found


def test_its_tasks_read_the_input_and_write_the_output_and_nothing_else(
    job: dict[str, Any],
) -> None:
    (read,) = statements(job, "s3:GetObject")
    (write,) = statements(job, "s3:PutObject")
    lists = statements(job, "s3:ListBucket")
    assert "example-reviews/in/*" in json.dumps(read["Resource"])
    assert "example-reviews/out/*" in json.dumps(read["Resource"])
    assert "example-reviews/out/*" in json.dumps(write["Resource"])
    assert "/in/" not in json.dumps(write["Resource"])
    prefixes = [each["Condition"]["StringLike"]["s3:prefix"] for each in lists]
    assert sorted(prefixes) == ["in/*", "out/*"]
    assert not statements(job, "s3:*")
    assert not statements(job, "s3:DeleteObject")


def test_a_schedule_submits_that_job_and_may_do_nothing_else(
    job: dict[str, Any],
) -> None:
    schedule = only(job, "AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
    target = schedule["Target"]
    assert json.dumps(target["Arn"]).endswith(
        ':scheduler:::aws-sdk:batch:submitJob"]]}'
    )
    asked = json.dumps(target["Input"]).replace("\\\\", "").replace('\\"', '"')
    assert '"ArrayProperties":{"Size":4}' in asked
    assert '"s3://example-reviews/out/<aws.scheduler.scheduled-time>"' in asked
    assert '"JobDefinition":"lathe-demo-reviews"' in asked
    (submit,) = statements(job, "batch:SubmitJob")
    queue, definition, revisions = submit["Resource"]
    assert json.dumps(definition).endswith(':job-definition/lathe-demo-reviews"]]}')
    assert json.dumps(revisions).endswith(':job-definition/lathe-demo-reviews:*"]]}')
    assert queue == {"Fn::GetAtt": [next(iter(named(job, QUEUE))), "JobQueueArn"]}


def test_a_job_that_fails_wakes_somebody_once_and_not_for_each_task(
    job: dict[str, Any],
) -> None:
    rule = only(job, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED"]
    assert rule["EventPattern"]["detail"]["arrayProperties"] == {
        "index": [{"exists": False}]
    }
    assert "docs/runbooks/job.md" in rule["Description"]
    emails = only(job, "AWS::SNS::Subscription")
    assert emails["Endpoint"] == "platform@example.com"


def test_it_costs_nothing_while_no_file_is_there(assembly: Path) -> None:
    lines = bill(read_assembly(assembly).stage("demo"), Usage()).lines
    (line,) = [e for e in lines if e.type == "AWS::Batch::ComputeEnvironment"]
    assert line.monthly.minimum == 0
    # 10 hours of 1 vCPU and 2 GB on Spot.
    assert 0 < line.monthly.expected < 0.5


def test_a_job_without_a_release_waits_for_its_first_build(tmp_path: Path) -> None:
    assert read_job_release(tmp_path / "none.json", JOB) is None


def test_a_release_that_its_tasks_could_not_run_is_refused(
    tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    write_release(tmp_path, "dev", make_manifest(name="other"))
    with pytest.raises(ConfigError, match="for job reviews: name: 'other' is not one"):
        read_job_release(tmp_path / "dev" / "other.json", JOB)
    write_release(tmp_path, "dev", make_manifest())
    odd = replace(JOB, size=TaskSize(vcpu=3, memory_mib=1000, requests_per_second=1))
    with pytest.raises(ConfigError, match="job reviews: .*3"):
        read_job_release(tmp_path / "dev" / "support-sentiment.json", odd)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "Reviews"}, "name: 'Reviews' is not lower-case words"),
        ({"reads": ()}, r"reads: \(\) is not 1 or more"),
        ({"reads": ("s3://bucket",)}, "reads: 's3://bucket' is not s3://BUCKET/PREFIX"),
        ({"reads": ("s3://b*/in/",)}, "reads: 's3://b"),
        ({"writes": ("s3://bucket/*",)}, r"writes: 's3://bucket/\*' is not"),
        ({"writes": "s3://bucket/out/"}, "writes: .* is not a tuple"),
        ({"most_tasks": 0}, "most_tasks: 0 is not between 1 and 10000"),
        ({"spot": 1}, "spot: 1 is not True or False"),
        ({"attempts": 11}, "attempts: 11 is not between 1 and 10"),
        ({"timeout_minutes": 0}, "timeout_minutes: 0 is not between 1 and 20160"),
        ({"emails": ("nobody",)}, "emails: 'nobody' is not an address"),
        (
            {"schedule": JobSchedule("daily", JOB.reads[0], JOB.writes[0])},
            "schedule.when: 'daily' is not cron",
        ),
        (
            {"schedule": JobSchedule("rate(1 day)", "s3://other/in/", JOB.writes[0])},
            "schedule.source: 's3://other/in/' is not below one of s3://example-reviews/in/",
        ),
        (
            {"schedule": JobSchedule("rate(1 day)", JOB.reads[0], JOB.reads[0])},
            "schedule.out: .* is not below one of s3://example-reviews/out/",
        ),
    ],
)
def test_a_job_that_could_not_run_is_refused_by_name(
    changes: dict[str, Any], reason: str
) -> None:
    wrong: JobConfig = replace(JOB, **changes)
    with pytest.raises(ConfigError, match=f"stage demo: job {wrong.name}: {reason}"):
        replace(DEMO, jobs=(wrong,))

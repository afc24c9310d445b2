"""Build a model as a SageMaker training job: send the source, wait, fetch the artifact."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stacks.commands.archive import extract

EPILOG = """\
The job runs buildspecs/train.sh: the commands that CodeBuild and a laptop run. Steps that
finished are kept beside it by digest, so a job that was stopped goes on where it was.
A gate that stops the model is no failure here: its report comes back, without a manifest.
exit code: 0, 1 where the job failed or was stopped, 2 on an error
"""
SKIPPED = {".git", ".venv", "node_modules", "build", "built", "dist", "cdk.out"}
INPUT, STEPS = "source", "steps"  # below trainings/MODEL
DISK_GB = 60
RUN = "mkdir /tmp/lathe && tar -xzf /opt/ml/input/data/source/source.tar.gz -C /tmp/lathe && cd /tmp/lathe && bash buildspecs/train.sh"


class TrainingError(RuntimeError):
    """A job that did not come to its end; says why, in SageMaker's words."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job. Prints its name first: its log is CloudWatch's, by that name."""
    options = _parser().parse_args(arguments)
    import boto3
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
    )

    try:
        _train(boto3.Session(), options)
    except TrainingError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError, OSError, tarfile.TarError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _train(session: Any, options: argparse.Namespace) -> None:
    storage, jobs = session.client("s3"), session.client("sagemaker")
    job = f"{options.model}-{int(time.time())}"
    prefix = f"trainings/{options.model}"
    source = f"{prefix}/{INPUT}/{job}"
    with packed(options.source) as archive:
        storage.upload_file(str(archive), options.bucket, f"{source}/source.tar.gz")
    print(f"{job} on {options.instance}", flush=True)
    jobs.create_training_job(**request(job, source, options))
    try:
        follow(jobs, job, seconds=options.every)
    except BaseException:  # also where the build is stopped: nobody waits for it now
        with contextlib.suppress(Exception):
            jobs.stop_training_job(TrainingJobName=job)
        raise
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(folder) / "model.tar.gz"
        made = f"{prefix}/{job}/output/model.tar.gz"
        storage.download_file(options.bucket, made, str(fetched))
        with tarfile.open(fetched) as archive_made:
            extract(archive_made, options.out)


@contextlib.contextmanager
def packed(source: Path) -> Iterator[Path]:
    """The checkout as an archive, without what is installed or built in it."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        top = Path(member.name).parts[:1]
        return None if top and top[0] in SKIPPED else member

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "source.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(source, arcname=".", filter=kept)
        yield path


def request(job: str, source: str, options: argparse.Namespace) -> dict[str, Any]:
    """What SageMaker is asked for; it stops by itself after the minutes it is given."""
    below = f"s3://{options.bucket}/trainings/{options.model}"
    return {
        "TrainingJobName": job,
        "RoleArn": options.role,
        "AlgorithmSpecification": {
            "TrainingImage": options.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["bash", "-euc"],
            "ContainerArguments": [RUN],
        },
        "Environment": {"MODEL": options.model},
        "InputDataConfig": [
            {
                "ChannelName": "source",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{options.bucket}/{source}",
                    }
                },
            }
        ],
        "CheckpointConfig": {"S3Uri": f"{below}/{STEPS}"},
        "OutputDataConfig": {"S3OutputPath": below},
        "ResourceConfig": {
            "InstanceType": options.instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": DISK_GB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": options.minutes * 60},
        "Tags": [{"Key": key, "Value": value} for key, value in options.tags.items()],
    }


def follow(jobs: Any, job: str, *, seconds: float) -> None:
    """Return when the job has completed. Raises TrainingError where it did not."""
    told = None
    while True:
        found = jobs.describe_training_job(TrainingJobName=job)
        status, now = found["TrainingJobStatus"], found.get("SecondaryStatus")
        if now != told:
            print(f"{job}: {now}", flush=True)
            told = now
        if status == "Completed":
            return
        if status in ("Failed", "Stopped"):
            raise TrainingError(f"{job}: {found.get('FailureReason') or now}")
        time.sleep(seconds)


def _tags(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(
        isinstance(value, str) for value in found.values()
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object of text")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks train",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL")
    for name, use in (
        ("bucket", "where source, steps and artifact are handed over"),
        ("role", "ARN that the job runs as"),
        ("image", "that the job runs in"),
        ("instance", "such as ml.g5.xlarge"),
    ):
        parser.add_argument(f"--{name}", required=True, help=use)
    parser.add_argument("--minutes", type=int, required=True, help="at most")
    parser.add_argument("--tags", type=_tags, default={}, metavar="JSON")
    parser.add_argument("--source", type=Path, default=Path(), help="the checkout")
    parser.add_argument("--out", type=Path, required=True, help="for the artifact")
    parser.add_argument(
        "--every", type=float, default=30.0, metavar="SECONDS", help="asks how it is"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

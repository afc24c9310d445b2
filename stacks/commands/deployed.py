"""Fetch the templates that an account runs, as an assembly to compare a new one with."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stacks.commands.checkout import CommandError
from stacks.commands.published import aws_errors

EPILOG = """\
examples:
  cdk synth --quiet --output new
  python -m stacks deployed new --stage dev --out old
  python -m stacks review old new --stage dev

What is not deployed is left out, so that the review shows it as new. A stack of another
account is read by the lookup role of `cdk bootstrap` there.
exit code: 0, 2 on an error
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write an assembly of what is deployed; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        found = fetch(options.new, options.stage, options.out)
    except (CommandError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(found)} of {options.stage}'s stacks are deployed")
    return 0


def fetch(new: Path, stage: str, out: Path) -> list[str]:
    """Copy the assembly `new` to `out`, of `stage` only, as it is deployed.

    Returns the names of the stacks that are. Raises CommandError.
    """
    try:
        manifest = json.loads((new / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{new}: is no assembly: {error}") from None
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    kept: dict[str, Any] = {}
    names = []
    for id_, artifact in manifest["artifacts"].items():
        if not _is_stack_of(artifact, stage):
            continue
        properties = artifact["properties"]
        name = properties.get("stackName", id_)
        body = _template(name, artifact)
        if body is None:
            continue
        names.append(name)
        (out / properties["templateFile"]).write_text(json.dumps(body))
        kept[id_] = {**artifact, "dependencies": []}
        if "additionalMetadataFile" in artifact:
            shutil.copy(new / artifact["additionalMetadataFile"], out)
    (out / "manifest.json").write_text(json.dumps({**manifest, "artifacts": kept}))
    return names


def _is_stack_of(artifact: dict[str, Any], stage: str) -> bool:
    display = str(artifact.get("displayName", ""))
    stack = artifact["type"] == "aws:cloudformation:stack"
    return stack and display.startswith(f"{stage}/")


def _template(name: str, artifact: dict[str, Any]) -> Any:
    """Return what runs, None if nothing does."""
    _, account, region = artifact["environment"].rsplit("/", 2)
    with aws_errors():
        client = _client(account.rpartition("/")[2], region)
        try:
            found = client.get_template(StackName=name)["TemplateBody"]
        except client.exceptions.ClientError as error:
            # CloudFormation has no code of its own for a stack that is not there.
            if "does not exist" in str(error):
                return None
            raise
    return json.loads(found) if isinstance(found, str) else found


def _client(account: str, region: str) -> Any:
    """By our own credentials, or by the lookup role where they are not of the account."""
    import boto3

    session = boto3.Session(region_name=region)
    if account.isdigit():
        sts = session.client("sts")
        if sts.get_caller_identity()["Account"] != account:
            role = f"cdk-hnb659fds-lookup-role-{account}-{region}"
            arn = f"arn:{session.get_partition_for_region(region)}:iam::{account}:role/{role}"
            assumed = sts.assume_role(RoleArn=arn, RoleSessionName="review")
            keys = assumed["Credentials"]
            session = boto3.Session(
                keys["AccessKeyId"],
                keys["SecretAccessKey"],
                keys["SessionToken"],
                region_name=region,
            )
    return session.client("cloudformation")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m stacks deployed",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("new", type=Path, help="what cdk synth wrote")
    parser.add_argument("--stage", required=True, help="a stage, or delivery")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    return parser


if __name__ == "__main__":
    sys.exit(main())

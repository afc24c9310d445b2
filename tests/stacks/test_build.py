"""What builds a model: its own commands, and no more rights than they need."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml

from stacks.build import BuildStack
from stacks.machine import Machine, read_machine
from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment
from tests.stacks.conftest import DEV, SHOWN, of_type, only, template

MODEL = "support-sentiment"
PIPELINE = "AWS::CodePipeline::Pipeline"
PROJECT = "AWS::CodeBuild::Project"


@pytest.fixture(scope="session")
def built(assembly: Path) -> dict[str, Any]:
    return template(assembly, "delivery-build")


def synth(what: Deployment) -> dict[str, Any]:
    """The build stack alone, of another deployment than the one that is shown."""
    app = cdk.App(analytics_reporting=False)
    env = cdk.Environment(region="us-east-1")
    BuildStack(app, "build", deployment=what, stack_name="delivery-build", env=env)
    found: dict[str, Any] = app.synth().get_stack_by_name("delivery-build").template
    return found


def archived() -> Deployment:
    """Without a connection, as the repository is before anybody has made one."""
    from stacks.config import deployment

    return deployment()


def project(built: dict[str, Any], step: str) -> dict[str, Any]:
    """The project of a step, by the name of the action that runs it."""
    for stage in only(built, PIPELINE)["Stages"]:
        for action in stage["Actions"]:
            if action["Name"] == step:
                name = action["Configuration"]["ProjectName"]["Ref"]
                found: dict[str, Any] = built["Resources"][name]["Properties"]
                return found
    raise LookupError(step)


def rights(built: dict[str, Any], step: str) -> dict[str, set[str]]:
    """Actions of a step's role -> the resources they are allowed on, as text."""
    role = project(built, step)["ServiceRole"]["Fn::GetAtt"][0]
    found: dict[str, set[str]] = {}
    for policy in of_type(built, "AWS::IAM::Policy"):
        if {"Ref": role} in policy["Roles"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions, on = statement["Action"], statement["Resource"]
                for action in actions if isinstance(actions, list) else [actions]:
                    on = on if isinstance(on, list) else [on]
                    found.setdefault(action, set()).update(map(json.dumps, on))
    return found


def commands(step: dict[str, Any]) -> str:
    """The buildspec of a project: a file of the source, or its own text."""
    text = step["Source"]["BuildSpec"]
    if text.endswith(".yml"):
        text = (Path(__file__).parents[2] / text).read_text()
    return str(yaml.safe_load(text)["phases"]["build"]["commands"])


def test_a_model_is_built_baked_and_published_in_this_order(
    built: dict[str, Any],
) -> None:
    stages = only(built, PIPELINE)["Stages"]
    assert [[action["Name"] for action in stage["Actions"]] for stage in stages] == [
        ["Source"],
        ["Build"],
        ["Bake"],
        ["Publish", "Comment"],
    ]
    spec = 'python -m model_build "model_build/specs/$MODEL.toml"'
    assert spec in commands(project(built, "Build"))
    assert "docker buildx build" in commands(project(built, "Bake"))
    assert "newest.json" in commands(project(built, "Publish"))


def test_only_what_a_model_is_made_of_starts_its_build(built: dict[str, Any]) -> None:
    (trigger,) = only(built, PIPELINE)["Triggers"]
    (push,) = trigger["GitConfiguration"]["Push"]
    (pull,) = trigger["GitConfiguration"]["PullRequest"]
    files = push["FilePaths"]["Includes"]
    assert f"model_build/specs/{MODEL}.toml" in files
    assert {"containers/**", "manifest.py"} < set(files)
    assert len(files) <= 8  # CodePipeline takes no more
    assert not [each for each in files if each.startswith("stacks")]
    assert push["Branches"]["Includes"] == pull["Branches"]["Includes"] == ["main"]
    assert pull["FilePaths"]["Includes"] == files


def test_every_file_of_a_build_starts_it(built: dict[str, Any]) -> None:
    """A module in a new folder of model_build would otherwise be overlooked."""
    root = Path(__file__).parents[2]
    folders = {
        path.parent.relative_to(root)
        for path in (root / "model_build").rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert {str(folder) for folder in folders} == {
        "model_build",
        "model_build/passes",
        "model_build/tasks",
    }


def test_only_the_step_that_bakes_is_privileged(assembly: Path) -> None:
    privileged = []
    for path in assembly.glob("*.template.json"):
        found = json.loads(path.read_text())
        for each in of_type(found, PROJECT):
            if each["Environment"].get("PrivilegedMode"):
                privileged.append(each["Description"])
    assert privileged == [f"Bake the images of {MODEL} and push them"]


def test_what_a_branch_may_change_is_built_without_rights(
    built: dict[str, Any],
) -> None:
    """But to its log, and to the bucket that the steps hand work on in."""
    assert project(built, "Build")["Source"]["BuildSpec"] == "buildspecs/build.yml"
    for action, resources in rights(built, "Build").items():
        assert action.startswith(("logs:", "s3:")), action
        assert "artifacts" not in str(resources)
        assert '"*"' not in resources


def test_commands_that_have_rights_are_not_of_the_branch(built: dict[str, Any]) -> None:
    for step in ("Bake", "Publish", "Comment"):
        assert project(built, step)["Source"]["BuildSpec"].startswith("#"), step


def test_only_publishing_writes_releases_and_only_of_its_model(
    built: dict[str, Any],
) -> None:
    allowed = rights(built, "Publish")["s3:PutObject"]
    assert [each for each in allowed if f"/releases/{MODEL}/*" in each]
    assert len(allowed) == 1
    for step in ("Build", "Bake", "Comment"):
        for action, resources in rights(built, step).items():
            if action != "s3:GetObject":
                assert "/releases/" not in str(resources), (step, action)


def test_baking_may_push_to_the_model_s_repositories_only(
    built: dict[str, Any],
) -> None:
    allowed = rights(built, "Bake")
    assert {f"repository/lathe/{MODEL}/{r}" for r in ("flask", "tf_serving")} == {
        json.loads(each)["Fn::Join"][1][-1].lstrip(":")
        for each in allowed["ecr:PutImage"]
    }
    everywhere = [action for action, on in allowed.items() if '"*"' in on]
    assert everywhere == ["ecr:GetAuthorizationToken"]  # AWS takes no other resource


def test_every_image_that_a_stage_runs_is_baked(built: dict[str, Any]) -> None:
    variables = project(built, "Bake")["Environment"]["EnvironmentVariables"]
    images = {each["Name"]: each["Value"] for each in variables}["IMAGES"]
    assert images == "flask flask-function tf_serving tf_serving-gpu"


def test_the_comment_reads_one_token_and_what_the_first_stage_runs(
    built: dict[str, Any],
) -> None:
    allowed = rights(built, "Comment")
    (secret,) = allowed["secretsmanager:GetSecretValue"]
    assert "lathe/comment-token" in secret
    (stacks,) = allowed["cloudformation:GetTemplate"]
    assert "stack/dev-*/*" in stacks


def test_a_build_in_an_empty_account_starts_by_an_archive_and_says_how() -> None:
    found = synth(archived())
    rule = only(found, "AWS::Events::Rule")["EventPattern"]
    assert rule["detail"]["object"] == {"key": ["source/lathe.zip"]}
    assert "Triggers" not in only(found, PIPELINE)
    source = only(found, PIPELINE)["Stages"][0]["Actions"][0]["Configuration"]
    assert source["S3ObjectKey"] == "source/lathe.zip"
    assert source["PollForSourceChanges"] is False
    said = json.dumps(found["Outputs"])
    assert "aws s3 cp build/lathe.zip s3://lathe-artifacts-" in said
    assert f"aws codepipeline start-pipeline-execution --name lathe-{MODEL}" in said
    assert f"python -m stacks release {MODEL} --stage dev" in said


def test_the_bucket_tells_when_an_archive_is_put(assembly: Path) -> None:
    registry = template(assembly, "delivery-registry")
    bucket, *others = of_type(registry, "AWS::S3::Bucket")
    assert not [each for each in others if "NotificationConfiguration" in each]
    told = bucket["NotificationConfiguration"]["EventBridgeConfiguration"]
    assert told == {"EventBridgeEnabled": True}


def test_without_a_token_nothing_is_commented() -> None:
    silent = replace(SHOWN.delivery, comment_token_secret=None)
    found = synth(replace(SHOWN, delivery=silent))
    assert len(of_type(found, PROJECT)) == 3


def test_signing_is_the_registry_s_and_names_the_profile() -> None:
    profile = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/lathe"
    signed = replace(SHOWN.delivery, signing_profile_arn=profile)
    found = synth(replace(SHOWN, delivery=signed))
    (rule,) = only(found, "AWS::ECR::SigningConfiguration")["Rules"]
    assert rule["SigningProfileArn"] == profile
    assert rule["RepositoryFilters"][0]["Filter"] == "lathe/*"
    assert rights(found, "Bake")["signer:SignPayload"] == {json.dumps(profile)}


def test_pushes_wait_for_each_other(built: dict[str, Any]) -> None:
    """One that is superseded would never be commented on."""
    assert only(built, PIPELINE)["ExecutionMode"] == "QUEUED"


def test_finished_steps_are_kept_by_model(built: dict[str, Any]) -> None:
    cache = project(built, "Build")["Cache"]
    assert cache["Type"] == "S3"
    assert f"steps/{MODEL}" in json.dumps(cache["Location"])


def write(folder: Path, table: str) -> Path:
    (folder / "m.toml").write_text(f'name = "m"\n{table}\n')
    return folder


def test_a_spec_chooses_the_machine_it_is_built_on(tmp_path: Path) -> None:
    table = '[build]\ncompute = "medium"\narchitecture = "arm64"\ntimeout_minutes = 90'
    assert read_machine("m", write(tmp_path, table)) == Machine(
        "m", "medium", "arm64", timeout_minutes=90
    )
    assert read_machine("m", write(tmp_path, "")) == Machine("m")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('compute = "huge"', "build.compute: 'huge' is not one of small, medium"),
        ("gpu = 1", "build.gpu: 1 is not true or false"),
        ('gpu = true\ncompute = "xlarge"', "is not small or large, with a GPU"),
        ('gpu = true\narchitecture = "arm64"', "is not possible on arm64"),
        ('architecture = "arm64"\ncompute = "xlarge"', "medium or large, on arm64"),
        ("timeout_minutes = 4", "is not between 5 and 2160"),
        ("timeout_minutes = true", "is not between 5 and 2160"),
        ("cores = 4", "build: 'cores' is not one of compute, architecture"),
    ],
)
def test_a_machine_that_is_not_there_is_refused(
    tmp_path: Path, table: str, said: str
) -> None:
    with pytest.raises(ConfigError, match="model_build/specs/m.toml") as refused:
        read_machine("m", write(tmp_path, f"[build]\n{table}"))
    assert said in str(refused.value)


def test_a_model_without_a_spec_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"specs/m\.toml.*needs its model's spec"):
        read_machine("m", tmp_path)


def test_a_gpu_build_is_a_gpu_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(MODEL, "small", gpu=True)
    monkeypatch.setattr("stacks.build.read_machine", lambda model: machine)
    environment = project(synth(SHOWN), "Build")["Environment"]
    assert environment["Type"] == "LINUX_GPU_CONTAINER"
    assert project(synth(SHOWN), "Bake")["Environment"]["Type"] == "LINUX_CONTAINER"


def test_an_arm_model_is_built_and_baked_on_arm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(MODEL, "large", "arm64")
    monkeypatch.setattr("stacks.build.read_machine", lambda model: machine)
    found = synth(SHOWN)
    for step in ("Build", "Bake"):
        assert project(found, step)["Environment"]["Type"] == "ARM_CONTAINER"


def test_the_first_stage_is_dev() -> None:
    assert SHOWN.stages[0] == DEV

"""What another commit deploys, synthesized beside the working tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from costs.__main__ import main as costs
from stacks.commands import base

APP = """\
import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs

app = cdk.App()
stack = cdk.Stack(app, "one", env=cdk.Environment(region="us-east-1"))
for number in range({queues}):
    sqs.Queue(stack, f"Queue{{number}}")
app.synth()
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: `few` of one queue, and the newest of two; then an edit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for queues, tag in ((1, "few"), (2, "more")):
        (folder / "app.py").write_text(APP.format(queues=queues))
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", tag)
        git(folder, "tag", tag)
    (folder / "app.py").write_text("an edit that does not run")
    return folder


def test_a_diff_is_against_what_the_commit_would_deploy(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for commit in ("few", "HEAD"):
        out = ["--out", str(tmp_path / commit)]
        assert base.main([commit, *out, "--root", str(repository)]) == 0
    assert costs(["diff", str(tmp_path / "few"), str(tmp_path / "HEAD")]) == 0
    said = capsys.readouterr().out
    assert "+ one: Queue1" in said
    assert "1 priced resource unchanged" in said
    assert (repository / "app.py").read_text() == "an edit that does not run"
    status = ["git", "-C", str(repository), "worktree", "list"]
    assert len(subprocess.check_output(status).splitlines()) == 1


@pytest.mark.parametrize(
    ("commit", "message"),
    [
        ("nowhere", "nowhere: is no commit of "),
        ("--output=x", "--output=x: is no commit of "),
        ("without", "without: has neither of synth.py, app.py"),
        ("empty", "empty: has no files: "),
        ("broken", "broken: does not synthesize with what is installed: "),
    ],
)
def test_what_cannot_be_synthesized_is_an_error_that_says_why(
    commit: str, message: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repository, "commit", "--quiet", "-a", "-m", "broken")
    git(repository, "tag", "broken")
    git(repository, "mv", "app.py", "other.py")
    git(repository, "commit", "--quiet", "-m", "without")
    git(repository, "tag", "without")
    git(repository, "rm", "--quiet", "other.py")
    git(repository, "commit", "--quiet", "-m", "empty")
    git(repository, "tag", "empty")
    out = str(repository / "out")
    assert base.main(["--out", out, "--root", str(repository), "--", commit]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message}")
    assert said.count("\n") == 1 or commit == "broken"  # which has said more

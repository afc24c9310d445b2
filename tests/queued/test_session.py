"""The session with curl in docs/deploy.md, typed again: what it shows is what happens."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stacks.submissions import door_code
from tests.queued.place import MODEL, Place, until

ROOT = Path(__file__).parents[2]


def session() -> list[tuple[str, str]]:
    """Return each command of the page's session, and what it printed."""
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    block = re.search(r"```console\n(\$ URL=.*?:submit.*?)```", page, re.S)
    assert block
    parts = re.split(r"^\$ ", block[1], flags=re.M)[1:]
    found = [part.partition("\n") for part in parts]
    return [(command, printed.strip()) for command, _, printed in found]


def url(place: Place) -> str:
    """Deploy the door to the emulator as the stack does; return its URL."""
    archive = io.BytesIO()
    with door_code() as folder, zipfile.ZipFile(archive, "w") as made:
        for path in sorted(Path(folder).rglob("*.py")):
            made.write(path, path.relative_to(folder))
    client, settings = place.account.client("lambda"), place.settings
    client.create_function(
        FunctionName=f"{settings.bucket}-door",
        Runtime="python3.14",
        Role="arn:aws:iam::123456789012:role/door",
        Handler="containers.queued.door.handle",
        Code={"ZipFile": archive.getvalue()},
        Environment={
            "Variables": {
                "BUCKET": settings.bucket,
                "QUEUE_URL": settings.queue_url,
                "REFERENCES_URL": settings.references_url,
                "MODEL_NAME": MODEL,
                "MAX_BATCH": "8",
                "EXPIRY_DAYS": "7",
                "WEBHOOKS": "false",
                "SOURCES": "",
            }
        },
    )
    made = client.create_function_url_config(
        FunctionName=f"{settings.bucket}-door", AuthType="NONE"
    )
    (id_,) = re.findall(r"//(\w+)\.", made["FunctionUrl"])
    return f"{place.account.endpoint}/_aws/lambda-url/{id_}"


def typed(command: str, address: str) -> str:
    """Run a command against this machine's function; return its output."""
    words = shlex.split(command.replace("$SIGN ", "").replace("$URL", address))
    done = subprocess.run(
        [words[0], "--silent", "--show-error", *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\r", "")


def shape(printed: str) -> Any:
    """Status and names of headers that the page shows, names and kinds of what is told."""
    head, _, body = printed.strip().rpartition("\n\n")
    lines = head.splitlines()
    status = lines[0].split()[1] if lines else ""
    names = {line.partition(":")[0].lower() for line in lines[1:]}
    return status, names & {"location", "retry-after"}, kinds(json.loads(body))


def kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kinds(each) for name, each in value.items()}
    if isinstance(value, list):
        return [kinds(each) for each in value]
    return type(value).__name__


def id_of(printed: str) -> str:
    return str(json.loads(printed.strip().rpartition("\n\n")[2])["id"])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_session_of_the_page_is_what_happens(place: Place) -> None:
    bucket = place.settings.bucket
    lines = b'{"id": 1, "text": "thank you"}\n{"id": 2}\n'
    place.s3.put_object(Bucket=bucket, Key="inputs/may.jsonl", Body=lines)
    address = f"{url(place)}/v1/models/{MODEL}"
    same = {"support-sentiment": MODEL, "BUCKET": bucket}
    is_working, seen = False, 0
    for command, printed in session():
        if not command.startswith("curl"):
            continue
        for shown, here in same.items():
            command = command.replace(shown, here)
        if '"done"' in printed:
            if not is_working:
                place.start()
                is_working = True
            id_ = command.rpartition("/")[2]
            until(lambda id_=id_: place.told(id_)["state"] == "done")  # type: ignore[misc]
        found = typed(command, address)
        assert shape(found) == shape(printed), command
        same[id_of(printed)] = id_of(found)
        seen += 1
    assert seen == 5
    assert place.is_empty()

"""The session with curl in docs/deploy.md, typed again: what it shows is what happens."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from stacks.submissions import door_code
from tests.queued.place import MODEL, Place, until
from tests.sessions import session, shape, typed


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
    for command, printed in session("Callers who do not wait"):
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

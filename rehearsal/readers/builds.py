"""CodeBuild projects, read back."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only

_PROJECT = [
    "Artifacts",
    "Description",
    "EncryptionKey",
    "Environment",
    "Name",
    "ServiceRole",
    "Source",
    "TimeoutInMinutes",
]


def project(account: Account, id_: str, given: Properties) -> Reading:
    answer = account.client("codebuild").batch_get_projects(names=[id_])
    found = the_only(answer["projects"])
    spelled = {name.lower(): value for name, value in found.items()}
    picked = {name: spelled.get(name.lower()) for name in _PROJECT}
    tags = AtLeast(found.get("tags", []))
    return Reading({**picked, "Tags": tags}, {"Arn": found["arn"]})

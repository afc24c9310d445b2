"""Whether an image that a template names has been pushed to its repository."""

from __future__ import annotations

import re

from rehearsal.account import Account

_IN_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.amazonaws\.com"
    r"/(?P<name>[^:@]+)(:(?P<tag>[^@]+)|@(?P<digest>.+))"
)


def is_missing(account: Account, image: str) -> bool:
    """Tell whether an image of ECR is not there; of other registries nobody knows."""
    if not (found := _IN_ECR.fullmatch(image)):
        return False
    where = account.at(f"aws://{found['account']}/{found['region']}")
    parts = {"imageTag": found["tag"], "imageDigest": found["digest"]}
    wanted = {key: value for key, value in parts.items() if value}
    answer = where.client("ecr").batch_get_image(
        repositoryName=found["name"], imageIds=[wanted]
    )
    return not answer["images"]

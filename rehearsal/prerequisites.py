"""What a deployment needs and no stack makes: baked images, keys made by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from manifest import Manifest
from rehearsal.account import Account
from rehearsal.assembly import Stack
from rehearsal.releases import images

_SECRET = re.compile(r"\{\{resolve:secretsmanager:([^:}]+)")
_KEY = "a key that the rehearsal made"
_IMAGE = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": 2,
            "digest": f"sha256:{'0' * 64}",
        },
        "layers": [],
    }
)


def make_secrets(account: Account, stacks: tuple[Stack, ...]) -> tuple[str, ...]:
    """Make the secrets that templates read by name, as a person would; return them."""
    made: set[str] = set()
    for stack in stacks:
        manager = account.at(stack.environment).client("secretsmanager")
        templates = json.dumps([dict(each.properties) for each in stack.resources])
        for name in set(_SECRET.findall(templates)) - made:
            manager.create_secret(Name=name, SecretString=_KEY)
            made.add(name)
    return tuple(sorted(made))


def bake(
    account: Account, stacks: tuple[Stack, ...], manifests: Iterable[Manifest]
) -> None:
    """Put each manifest's images where a build would: tags only, without layers.

    Only repositories that the templates make are filled.
    """
    baked = {image for manifest in manifests for image in images(manifest)}
    for stack, repository in _repositories(stacks):
        ecr = account.at(stack.environment).client("ecr")
        for name, tag in sorted(baked):
            if name == repository:
                ecr.put_image(repositoryName=name, imageTag=tag, imageManifest=_IMAGE)


def _repositories(stacks: tuple[Stack, ...]) -> Iterator[tuple[Stack, Any]]:
    for stack in stacks:
        for resource in stack.resources:
            if resource.type == "AWS::ECR::Repository":
                yield stack, resource.properties.get("RepositoryName")

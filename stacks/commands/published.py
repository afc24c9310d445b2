"""What builds have published: manifests in the artifact bucket, images in ECR."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifest import Manifest, read_manifest
from stacks.commands.checkout import CommandError
from stacks.names import repository
from stacks.settings.delivery import DeliveryConfig


@contextmanager
def aws_errors() -> Iterator[None]:
    """Say what AWS said, in one line. Raises CommandError."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
    )

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CommandError(str(error)) from None


def client(service: str, region: str | None) -> Any:
    import boto3

    return boto3.client(service, region_name=region)


@dataclass(frozen=True)
class Published:
    """The account that builds; reads only, by the credentials of the environment."""

    config: DeliveryConfig

    @property
    def bucket(self) -> str:
        """Return the artifact bucket's name; asks whose credentials these are."""
        account = self.config.account
        if account is None:
            with aws_errors():
                account = self._client("sts").get_caller_identity()["Account"]
        return f"lathe-artifacts-{account}-{self.config.region}"

    def newest(self, model: str) -> Manifest | None:
        """Return what passed its gates last, None while nothing did."""
        return self.manifest(self.bucket, f"releases/{model}/newest.json")

    def version(self, model: str, version: str) -> Manifest | None:
        return self.manifest(self.bucket, f"releases/{model}/{version}/manifest.json")

    def manifest(self, bucket: str, key: str) -> Manifest | None:
        """Return a manifest, None if there is none. Raises CommandError or ManifestError."""
        with aws_errors():
            s3 = self._client("s3")
            try:
                content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            except s3.exceptions.NoSuchKey:
                return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "manifest.json"
            path.write_bytes(content)
            return read_manifest(path)

    def has_image(self, release: Manifest, runtime: str) -> bool:
        """Whether the image of a release is in the registry."""
        with aws_errors():
            ecr = self._client("ecr")
            name = repository(release.name, runtime)
            tag = {"imageTag": release.image_tag}
            try:
                found = ecr.describe_images(repositoryName=name, imageIds=[tag])
            except (
                ecr.exceptions.ImageNotFoundException,
                ecr.exceptions.RepositoryNotFoundException,
            ):
                return False
        return bool(found["imageDetails"])

    def _client(self, service: str) -> Any:
        return client(service, self.config.region)

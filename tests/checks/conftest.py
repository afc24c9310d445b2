from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.deployed import Deployed, read
from checks.finding import Finding
from checks.judgement import found
from tests.conftest import ManifestFactory
from tests.stacks.conftest import STAGES, synthesize, write_release


@pytest.fixture(scope="session")
def shown(
    tmp_path_factory: pytest.TempPathFactory, make_manifest: ManifestFactory
) -> Iterator[Path]:
    """Every stack there is: each stage with all its endpoints, prod's too."""
    folder = tmp_path_factory.mktemp("shown")
    for stage in STAGES:
        write_release(folder / "releases", stage.name, make_manifest())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        yield synthesize(folder / "cdk.out", folder / "releases")


@pytest.fixture(scope="session")
def deployed(shown: Path) -> Deployed:
    return read(shown)


@pytest.fixture(scope="session")
def findings(deployed: Deployed) -> list[Finding]:
    """What all tools find: one run for all tests."""
    return sorted(set(found(deployed)))

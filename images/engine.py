"""Docker or podman, as a command: the same words mean the same to both."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

Name = Literal["docker", "podman"]

# podman's own format has no place for a health check.
_BUILD: Mapping[Name, tuple[str, ...]] = {
    "docker": ("buildx", "build", "--load"),
    "podman": ("build", "--format", "docker", "--layers"),
}


class BakeError(Exception):
    """Why there is no image, in one line for whoever asked for it."""


@dataclass(frozen=True)
class Engine:
    """One container engine of this machine."""

    name: Name

    def __post_init__(self) -> None:
        if shutil.which(self.name) is None:
            raise BakeError(
                f"{self.name}: no such command; ENGINE=docker or ENGINE=podman names "
                "the one that this machine has"
            )

    def pull(self, image: str) -> None:
        """See that an image is there; one that is, is not asked for again."""
        if self._run("image", "inspect", image).returncode == 0:
            return
        done = self._run("pull", image)
        if done.returncode != 0:
            raise BakeError(
                f"{image}: cannot be pulled: {_reason(done)}; "
                "BASE=IMAGE builds on another (.ci/stand-in makes one)"
            )

    def build(
        self,
        context: Path,
        dockerfile: Path,
        tag: str,
        platform: str,
        arguments: Mapping[str, str],
    ) -> None:
        """Build one image; what the engine says is shown only if it fails."""
        pairs = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        done = self._run(
            *_BUILD[self.name], "--platform", platform, "--file", str(dockerfile),
            *pairs, "--tag", tag, str(context),
        )  # fmt: skip
        if done.returncode != 0:
            raise BakeError(f"{tag}: not built: {_reason(done)}")

    def save(self, image: str) -> subprocess.Popen[bytes]:
        """Start to write an image as a tar archive to standard output."""
        return subprocess.Popen(
            [self.name, "save", image],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.name, *words], capture_output=True, text=True, check=False
        )


def output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    """Return what a started program writes."""
    assert process.stdout is not None
    return process.stdout


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line that says why, which engines bury in what they did."""
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    if any("no space left on device" in line.lower() for line in said):
        return "the disk is full"
    told = [line for line in said if line.lower().startswith(("error", "fatal"))]
    # The first: engines then say at length in which step.
    return (told or [line for line in said[-1:] if line] or ["it said nothing"])[0]

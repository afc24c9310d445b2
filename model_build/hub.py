"""One file of a Hugging Face repository, at one commit: downloaded once, then kept.

The hub's own client does it: HF_ENDPOINT says where the hub is, HF_HOME where files are
kept, HF_TOKEN opens what is not public. https://huggingface.co/docs/huggingface_hub
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from httpx2 import HTTPError, ReadError, TransportError
from huggingface_hub import (
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.constants import ENDPOINT
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

Kind = Literal["model", "dataset"]

ATTEMPTS = 3  # at a file; where a connection ends early the client goes on by itself
# The hub's client, its transport and hf_xet share no base.
ERRORS = (HTTPError, OSError, ValueError, RuntimeError)

_REASONS: Mapping[type[Exception], str] = {
    GatedRepoError: "its terms must be accepted first, on the repository's page; "
    "then set HF_TOKEN",
    RepositoryNotFoundError: "there is no such repository, or it is private: set "
    "HF_TOKEN to a token that may read it",
    RevisionNotFoundError: "there is no such commit",
    EntryNotFoundError: "there is no such file at this commit",
}


class HubError(OSError):
    """A file that the hub did not give; says why, and what may be done about it."""


class HubUnreachableError(HubError):
    """Nobody answers: whether the file is there is not known."""


def download(repository: str, commit: str, name: str, kind: Kind) -> Path:
    """Return where a file is kept, after downloading it if it is not there yet.

    A file that is kept needs no network. Raises HubError: at once where nobody answers,
    after three attempts where answers are cut off.
    """
    file = {
        "repo_id": repository,
        "filename": name,
        "revision": commit,
        "repo_type": kind,
    }
    if isinstance(kept := try_to_load_from_cache(**file), str):
        return Path(kept)
    try:
        # The download itself would ask for half a minute whether somebody is there.
        get_hf_file_metadata(hf_hub_url(**file))
        return Path(_downloaded(file))
    except ERRORS as error:
        unreachable = isinstance(error, TransportError | ConnectionError)
        refusal = HubUnreachableError if unreachable else HubError
        raise refusal(f"{name}: not downloaded: {_reason(error)}") from None


def _downloaded(file: Mapping[str, Any]) -> str:
    for _ in range(ATTEMPTS - 1):
        with suppress(ReadError):  # the one that the client does not mend
            return str(hf_hub_download(**file))
    return str(hf_hub_download(**file))


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    if isinstance(error, HfHubHTTPError) and error.response.status_code == 401:
        return "HF_TOKEN is not accepted"
    if isinstance(error, TransportError):
        return f"{ENDPOINT} does not answer: {error}"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

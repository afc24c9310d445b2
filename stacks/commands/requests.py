"""Pull requests of GitHub, GitLab and Bitbucket, by their documented HTTP APIs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from stacks.commands.checkout import CommandError

TRIES = 4
LONGEST_WAIT = 60  # seconds; a provider that wants more is reported
MOST_PAGES = 50  # of comments, a hundred each


@dataclass(frozen=True)
class Api:
    """One provider's API. Tries again what a server or a rate limit turned away."""

    address: str
    token: str
    wait: float = 1.0  # seconds before the second try, doubled for each further one

    def get(self, path: str, **query: str | int) -> Any:
        return self.send("GET", f"{path}?{urlencode(query)}")

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the answer's JSON. Raises CommandError, in one line."""
        for attempt in range(TRIES):
            try:
                return self._once(method, path, body)
            except urllib.error.HTTPError as error:
                pause = _pause(error)
                retry = error.code >= 500 or pause is not None
                # What was created may have been, though its answer was lost.
                last = attempt == TRIES - 1 or (method == "POST" and error.code >= 500)
                if not retry or last or (pause or 0) > LONGEST_WAIT:
                    raise CommandError(self._refusal(method, path, error)) from None
                time.sleep(self.wait * 2**attempt if pause is None else pause)
            except OSError as error:
                if attempt == TRIES - 1 or method == "POST":
                    where = f"{method} {self.address}{path}"
                    raise CommandError(f"{where}: {error}") from None
                time.sleep(self.wait * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "lathe",
        }
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.address}{path}", content, headers, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def _refusal(self, method: str, path: str, error: urllib.error.HTTPError) -> str:
        hints = {
            401: "the token is not valid",
            403: "the token may not do this, or asked too often",
            404: "there is no such repository, or the token may not see it",
            429: "asked too often",
        }
        where = f"{method} {self.address}{path.partition('?')[0]}"
        return f"{where}: {error.code}: {hints.get(error.code, error.reason)}"


def _pause(error: urllib.error.HTTPError) -> float | None:
    """Return seconds that a rate limit asks to wait, None where it is none."""
    headers = error.headers
    if error.code not in (403, 429):
        return None
    if after := headers.get("Retry-After"):
        return float(after)
    if headers.get("X-RateLimit-Remaining") == "0":
        return max(0.0, float(headers.get("X-RateLimit-Reset", 0)) - time.time())
    return 1.0 if error.code == 429 else None


Body = dict[str, Any]


@dataclass(frozen=True)
class Provider:
    """How one provider names things; paths are below its API's address."""

    address: str
    most: int  # characters of a comment
    hidden: str  # a line that nobody sees in rendered markdown; {} is the key
    requests: Callable[[str, str], tuple[str, dict[str, str | int]]]
    number: str  # key of a pull request that its paths name it by
    comments: Callable[[str, Any], str]
    comment: Callable[[str, Any, Any], str]
    values: Callable[[Any], list[Body]]  # of one page
    read: Callable[[Body], str]  # a comment's markdown
    written: Callable[[str], Body]
    update_method: str
    page_size: str  # name of the query's field

    def marker(self, key: str) -> str:
        return self.hidden.format(key)

    def open_request(self, api: Api, repository: str, branch: str) -> Any:
        """Return the number of a branch's open pull request, None without one."""
        path, query = self.requests(repository, branch)
        found = self.values(api.get(path, **query))
        return found[0][self.number] if found else None

    def find(self, api: Api, repository: str, request: Any, marker: str) -> Any:
        """Return the id of the comment that has the marker."""
        for comment in self._comments(api, repository, request):
            if self.read(comment).startswith(marker):
                return comment["id"]
        return None

    def _comments(self, api: Api, repository: str, request: Any) -> Iterator[Body]:
        path = self.comments(repository, request)
        for page in range(1, MOST_PAGES + 1):
            query: dict[str, str | int] = {self.page_size: 100, "page": page}
            found = self.values(api.get(path, **query))
            yield from found
            if len(found) < 100:
                return

    def create(self, api: Api, repository: str, request: Any, body: str) -> None:
        api.send("POST", self.comments(repository, request), self.written(body))

    def update(
        self, api: Api, repository: str, request: Any, comment: Any, body: str
    ) -> None:
        path = self.comment(repository, request, comment)
        api.send(self.update_method, path, self.written(body))


def _project(repository: str) -> str:
    """GitLab takes a project's path as one escaped word."""
    return f"/projects/{quote(repository, safe='')}"


def _pulls(repository: str) -> str:
    return f"/repositories/{repository}/pullrequests"


PROVIDERS: Mapping[str, Provider] = {
    # docs.github.com/rest/issues/comments: comments of pull requests are an issue's.
    "github": Provider(
        address="https://api.github.com",
        most=65_536,
        hidden="<!-- lathe: {} -->",
        requests=lambda repository, branch: (
            f"/repos/{repository}/pulls",
            {"state": "open", "head": f"{repository.partition('/')[0]}:{branch}"},
        ),
        number="number",
        comments=lambda repo, request: f"/repos/{repo}/issues/{request}/comments",
        comment=lambda repo, request, id_: f"/repos/{repo}/issues/comments/{id_}",
        values=lambda page: list(page),
        read=lambda comment: str(comment["body"]),
        written=lambda body: {"body": body},
        update_method="PATCH",
        page_size="per_page",
    ),
    # docs.gitlab.com/api/notes
    "gitlab": Provider(
        address="https://gitlab.com/api/v4",
        most=1_000_000,
        hidden="<!-- lathe: {} -->",
        requests=lambda repository, branch: (
            f"{_project(repository)}/merge_requests",
            {"state": "opened", "source_branch": branch},
        ),
        number="iid",
        comments=lambda repo, request: (
            f"{_project(repo)}/merge_requests/{request}/notes"
        ),
        comment=lambda repo, request, id_: (
            f"{_project(repo)}/merge_requests/{request}/notes/{id_}"
        ),
        values=lambda page: list(page),
        read=lambda comment: str(comment["body"]),
        written=lambda body: {"body": body},
        update_method="PUT",
        page_size="per_page",
    ),
    # developer.atlassian.com/cloud/bitbucket/rest: its markdown shows HTML comments as
    # text, so the marker is a link's definition, which is not rendered.
    "bitbucket": Provider(
        address="https://api.bitbucket.org/2.0",
        most=32_768,
        hidden="[//]: # (lathe: {})",
        requests=lambda repository, branch: (
            _pulls(repository),
            {"state": "OPEN", "q": f'source.branch.name="{branch}"'},
        ),
        number="id",
        comments=lambda repo, request: f"{_pulls(repo)}/{request}/comments",
        comment=lambda repo, request, id_: f"{_pulls(repo)}/{request}/comments/{id_}",
        values=lambda page: list(page["values"]),
        read=lambda comment: (
            "" if comment.get("deleted") else str(comment["content"]["raw"])
        ),
        written=lambda body: {"content": {"raw": body}},
        update_method="PUT",
        page_size="pagelen",
    ),
}

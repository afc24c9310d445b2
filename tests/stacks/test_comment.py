"""One comment a pull request, over real HTTP: a server with the documented shapes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from stacks.commands import comment, requests
from stacks.commands.comment import CUT, fitted
from stacks.commands.requests import PROVIDERS

BRANCH, REQUEST = "faster", 7


@dataclass
class Forge:
    """What the three providers answer, and what they were asked."""

    address: str = ""
    open: bool = True
    comments: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def answer(
        self, method: str, target: str, token: str, body: Any
    ) -> tuple[int, Any]:
        parts = urlsplit(target)
        path, query = unquote(parts.path), parse_qs(parts.query)
        self.asked.append(f"{method} {path}")
        if token != "Bearer secret":
            return 401, {"message": "Bad credentials"}
        if "team/lathe" not in path:
            return 404, {"message": "Not Found"}
        wrapped = path.startswith("/repositories")  # Bitbucket's pages
        if path.endswith(("/pulls", "/merge_requests", "/pullrequests")):
            asked = str(query)
            assert BRANCH in asked
            assert "open" in asked.lower()
            found = [{"number": REQUEST, "iid": REQUEST, "id": REQUEST}]
            return 200, _page(found if self.open else [], wrapped)
        if method == "GET":
            size = int((query.get("per_page") or query["pagelen"])[0])
            start = (int(query["page"][0]) - 1) * size
            return 200, _page(self.comments[start : start + size], wrapped)
        if method == "POST":
            self.comments.append({"id": 1000 + len(self.comments), **body})
            return 201, self.comments[-1]
        (found,) = (c for c in self.comments if path.endswith(f"/{c['id']}"))
        found.update(body)
        return 200, found


def _page(found: list[Any], wrapped: bool) -> Any:
    return {"values": found, "pagelen": 100} if wrapped else found


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    state = Forge()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size) or b"null")
            status, headers = 0, {}
            if state.refusals:
                status, headers = state.refusals.pop(0)
                state.asked.append(f"refused {status}")
                found: Any = {"message": "no"}
            else:
                token = self.headers.get("Authorization", "")
                status, found = state.answer(self.command, self.path, token, body)
            content = json.dumps(found).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(content)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    monkeypatch.setenv("LATHE_COMMENT_TOKEN", "secret")
    monkeypatch.setattr(requests.Api.__init__, "__defaults__", (0.01,))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.address = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()


def say(
    forge: Forge,
    tmp_path: Path,
    text: str,
    provider: str = "github",
    repository: str = "team/lathe",
    key: str = "support-sentiment",
) -> int:
    file = tmp_path / "review.md"
    file.write_text(text)
    where = ["--provider", provider, "--repository", repository, "--branch", BRANCH]
    return comment.main([str(file), *where, "--key", key, "--api", forge.address])


def body(found: dict[str, Any]) -> str:
    return str(found.get("body") or found["content"]["raw"])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_comment_is_made_once_and_then_updated_in_place(
    forge: Forge, tmp_path: Path, provider: str
) -> None:
    assert say(forge, tmp_path, "first", provider) == 0
    assert say(forge, tmp_path, "second", provider) == 0
    (found,) = forge.comments
    marker = PROVIDERS[provider].marker("support-sentiment")
    assert body(found) == f"{marker}\nsecond"
    assert marker.startswith(("<!--", "[//]: #"))  # nobody sees it


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_model_has_a_comment_of_its_own_behind_any_number_of_others(
    forge: Forge, tmp_path: Path, provider: str
) -> None:
    for number in range(150):
        text = {"body": f"talk {number}", "content": {"raw": f"talk {number}"}}
        forge.comments.append({"id": number, **text})
    for text in ("first", "second"):
        for key in ("support-sentiment", "other"):
            assert say(forge, tmp_path, text, provider, key=key) == 0
    assert len(forge.comments) == 152


def test_paths_and_methods_are_those_of_each_provider(
    forge: Forge, tmp_path: Path
) -> None:
    for provider in PROVIDERS:
        forge.comments.clear()
        forge.asked.clear()
        for text in ("first", "second"):
            say(forge, tmp_path, text, provider)
        made, changed = (a for a in forge.asked if not a.startswith("GET"))
        expected = {
            "github": (
                "POST /repos/team/lathe/issues/7/comments",
                "PATCH /repos/team/lathe/issues/comments/1000",
            ),
            "gitlab": (
                "POST /projects/team/lathe/merge_requests/7/notes",
                "PUT /projects/team/lathe/merge_requests/7/notes/1000",
            ),
            "bitbucket": (
                "POST /repositories/team/lathe/pullrequests/7/comments",
                "PUT /repositories/team/lathe/pullrequests/7/comments/1000",
            ),
        }
        assert (made, changed) == expected[provider]


def test_a_deleted_comment_is_not_written_to(forge: Forge, tmp_path: Path) -> None:
    say(forge, tmp_path, "first", "bitbucket")
    forge.comments[0]["deleted"] = True
    assert say(forge, tmp_path, "second", "bitbucket") == 0
    assert len(forge.comments) == 2


def test_a_branch_without_a_pull_request_is_no_failure(
    forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.open = False
    assert say(forge, tmp_path, "text") == 0
    assert "faster: no open pull request" in capsys.readouterr().out
    assert not forge.comments


@pytest.mark.parametrize(
    ("token", "repository", "said"),
    [
        ("wrong", "team/lathe", "401: the token is not valid"),
        ("secret", "team/other", "404: there is no such repository"),
    ],
)
def test_a_refusal_is_one_line_and_not_tried_again(
    forge: Forge,
    tmp_path: Path,
    token: str,
    repository: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LATHE_COMMENT_TOKEN", token)
    assert say(forge, tmp_path, "text", repository=repository) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert "wrong" not in printed  # a token is nothing for a log
    assert len(forge.asked) == 1


def test_a_server_that_fails_is_asked_again(forge: Forge, tmp_path: Path) -> None:
    forge.refusals = [(502, {}), (503, {})]
    assert say(forge, tmp_path, "text") == 0
    assert len(forge.comments) == 1


def test_a_server_that_goes_on_failing_is_given_up(
    forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.refusals = [(500, {})] * requests.TRIES
    assert say(forge, tmp_path, "text") == 2
    assert "500" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry-After": "0"}),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}),
        (403, {"Retry-After": "0"}),
    ],
)
def test_a_rate_limit_is_waited_for(
    forge: Forge, tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    forge.refusals = [(status, headers)]
    assert say(forge, tmp_path, "text") == 0


def test_a_limit_of_an_hour_is_not(
    forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.refusals = [(429, {"Retry-After": "3600"})]
    assert say(forge, tmp_path, "text") == 2
    assert "asked too often" in capsys.readouterr().err


def test_a_missing_token_is_said(
    forge: Forge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LATHE_COMMENT_TOKEN")
    assert say(forge, tmp_path, "text") == 2
    assert "name a --secret, or set LATHE_COMMENT_TOKEN" in capsys.readouterr().err
    assert not forge.asked


def test_an_address_where_nobody_answers_is_said(
    forge: Forge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.address = "http://127.0.0.1:9"
    assert say(forge, tmp_path, "text") == 2
    assert "127.0.0.1:9/repos/team/lathe/pulls" in capsys.readouterr().err


def test_a_long_review_is_cut_at_a_line_and_closed() -> None:
    text = "<details>\n\n```\n" + "a line of a diff\n" * 10_000
    cut = fitted(text, 32_768)
    assert 32_000 < len(cut) <= 32_768
    assert cut.endswith(CUT)
    assert cut.count("```") == 2
    assert cut.count("<details>") == cut.count("</details>")
    assert fitted("short", 32_768) == "short"

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.account import Account, RehearsalError


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://10.0.0.1:4566",
        "http://169.254.169.254:80",
        "https://ecs.us-east-1.amazonaws.com:443",
        "https://127.0.0.1:4566",
        "http://127.0.0.1",
        "http://0.0.0.0:4566",
        "http://no-such-host.invalid:4566",
        "",
    ],
)
def test_refuses_an_endpoint_that_is_not_on_loopback(endpoint: str) -> None:
    with pytest.raises(RehearsalError, match="never talks to another machine"):
        Account(endpoint)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_takes_a_loopback_endpoint(host: str) -> None:
    assert Account(f"http://{host}:4566").endpoint == f"http://{host}:4566"


def test_the_cli_inherits_no_credential_profile_or_proxy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTPS_PROXY", "AWS_ROLE_ARN"):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    environment = Account("http://127.0.0.1:4566").environment(tmp_path)
    assert "theirs" not in environment.values()
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"]
    assert environment["HOME"] == str(tmp_path)


def test_every_endpoint_given_to_the_cli_is_on_loopback(tmp_path: Path) -> None:
    environment = Account("http://127.0.0.1:4566").environment(tmp_path)
    endpoints = [v for k, v in environment.items() if k.startswith("AWS_ENDPOINT_URL")]
    assert endpoints
    for endpoint in endpoints:
        Account(endpoint)


def test_a_client_reads_no_profile_and_uses_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("HTTP_PROXY", "http://10.0.0.1:1")
    client = Account("http://127.0.0.1:1").client("sts")
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    assert client.meta.config.proxies == {}

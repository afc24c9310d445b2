"""What an operator may set in the environment, beside what the cache takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from containers.flask.artifact import StartError
from containers.flask.log import Mode, read_mode


@dataclass(frozen=True)
class Settings:
    max_wait_ms: int = 50  # with a longer queue, requests are refused
    log_requests: Mode = "errors"
    max_body_bytes: int = 256 * 1024  # 32 messages of 8 KiB; not to be set


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read MAX_WAIT_MS and LOG_REQUESTS; raises StartError naming what is wrong.

    SERVER_VCPU and METRICS are only checked: cores.py and emf.py read them.
    """
    _check_vcpu(environment.get("SERVER_VCPU"))
    if (metrics := environment.get("METRICS") or "emf") != "emf":
        raise StartError(f"METRICS: {metrics[:40]!r} is not emf")
    text = environment.get("MAX_WAIT_MS", str(Settings.max_wait_ms))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= 60_000):
        raise StartError(
            f"MAX_WAIT_MS: {text[:40]!r} is not a whole number from 1 to 60000"
        )
    try:
        mode = read_mode(environment.get("LOG_REQUESTS"))
    except ValueError as error:
        raise StartError(str(error)) from error
    return Settings(max_wait_ms=int(text), log_requests=mode)


def _check_vcpu(text: str | None) -> None:
    try:
        is_right = not text or 0 < float(text) <= 1024
    except ValueError:
        is_right = False
    if not is_right:
        raise StartError(f"SERVER_VCPU: {text!r} is not a number of cores, above 0")

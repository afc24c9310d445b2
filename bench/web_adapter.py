"""What the AWS Lambda Web Adapter does with a server, where Lambda is not there to start it.

The adapter is a program of its own in containers/function. Here is what it asks of the
server: to say when it is ready, asked every ten milliseconds, and to answer over HTTP what
comes to a function's URL (version 0.9.1, https://awslabs.github.io/aws-lambda-web-adapter/).
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

POLL_S = 0.01
_TEXTS = ("text/", "application/json", "application/xml", "application/javascript")

# https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
Event = Mapping[str, Any]


def event(
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Event:
    """Return what Lambda makes of a request to a function's URL (payload 2.0)."""
    parts = urlsplit(target)
    content = {"content-type": "application/json"} if body else {}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {"host": "function.lambda-url.aws", **content, **(headers or {})},
        "requestContext": {
            "requestId": str(uuid4()),
            "stage": "$default",
            "http": {"method": method, "path": parts.path, "protocol": "HTTP/1.1"},
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@dataclass(frozen=True)
class WebAdapter:
    """One server on loopback, as its function's environment says it is asked."""

    port: int
    ready_path: str
    healthy: frozenset[int]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> WebAdapter:
        """Read AWS_LWA_ variables, with the adapter's own defaults."""
        port = environment.get("AWS_LWA_PORT") or environment.get("PORT") or "8080"
        healthy = environment.get("AWS_LWA_READINESS_CHECK_HEALTHY_STATUS", "100-499")
        return cls(
            int(port),
            environment.get("AWS_LWA_READINESS_CHECK_PATH", "/"),
            frozenset(_statuses(healthy)),
        )

    def wait_ready(self, seconds: float = 10) -> None:
        """Return once the server is healthy; raises TimeoutError.

        Ten seconds are what Lambda gives a function to start in.
        """
        until = time.monotonic() + seconds
        while self._status() not in self.healthy:
            if time.monotonic() > until:
                raise TimeoutError(
                    f"127.0.0.1:{self.port}{self.ready_path}: not ready in {seconds} s"
                )
            time.sleep(POLL_S)

    def invoke(self, asked: Event, seconds: float = 30) -> dict[str, Any]:
        """Return what Lambda would be told: status, headers, and the body as text.

        Raises OSError where the server does not answer.
        """
        context, target = asked["requestContext"], asked["rawPath"]
        if asked.get("rawQueryString"):
            target += f"?{asked['rawQueryString']}"
        body = asked.get("body") or ""
        sent = base64.b64decode(body) if asked.get("isBase64Encoded") else body.encode()
        headers = {**asked["headers"], "x-amzn-request-context": json.dumps(context)}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            line.request(context["http"]["method"], target, sent, headers)
            answer = line.getresponse()
            found = answer.read()
        finally:
            line.close()
        kind = answer.headers.get("content-type", "")
        is_text = kind.startswith(_TEXTS) and "content-encoding" not in answer.headers
        return {
            "statusCode": answer.status,
            "headers": {name.lower(): value for name, value in answer.headers.items()},
            "body": found.decode() if is_text else base64.b64encode(found).decode(),
            "isBase64Encoded": not is_text,
        }

    def _status(self) -> int:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            line.request("GET", self.ready_path)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            line.close()


def _statuses(text: str) -> list[int]:
    """The statuses of "200-399" or "200,201,204"."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found

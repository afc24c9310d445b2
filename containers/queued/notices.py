"""Tells that a submission has ended: a topic of SNS, and the submission's own webhook."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
from contextlib import closing
from typing import Any
from urllib.parse import SplitResult, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from containers.flask.log import event
from containers.queued.submission import Outcome

ATTEMPTS = 3
SECONDS = 5.0  # for one attempt


class NoticeError(Exception):
    """Why a webhook was not told."""


class Notices:
    """Says id, state and model, never what was asked or answered.

    At least once after the outcome is written, and in vain if nobody listens: the
    outcome stands in the bucket either way. Nothing is raised.
    """

    def __init__(
        self,
        model: str,
        *,
        sns: Any = None,
        topic_arn: str | None = None,
        anywhere: bool = False,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`anywhere`: a webhook may be at a private address too."""
        self._model, self._sns, self._topic_arn = model, sns, topic_arn
        self._anywhere = anywhere
        self._context = context or ssl.create_default_context()

    def tell(self, outcome: Outcome, webhook: str | None) -> None:
        said = {"id": outcome.id, "state": outcome.state, "model": self._model}
        text = json.dumps(said)
        if self._topic_arn:
            try:
                self._sns.publish(TopicArn=self._topic_arn, Message=text)
            except (BotoCoreError, ClientError) as error:
                _untold("topic", error)
        if webhook:
            self._call(urlsplit(webhook), text)

    def _call(self, address: SplitResult, text: str) -> None:
        for attempt in range(ATTEMPTS):
            try:
                return self._post(address, text)
            except (OSError, http.client.HTTPException, NoticeError) as error:
                if attempt == ATTEMPTS - 1 or isinstance(error, NoticeError):
                    return _untold("webhook", error)

    def _post(self, address: SplitResult, text: str) -> None:
        """Follow no redirection: the address that was checked is the one that is told."""
        host, port = address.hostname or "", address.port or 443
        connection = http.client.HTTPSConnection(
            host, port, timeout=SECONDS, context=self._context
        )
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        with closing(connection):
            plain = socket.create_connection((self._resolve(host, port), port), SECONDS)
            connection.sock = self._context.wrap_socket(plain, server_hostname=host)
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, text.encode(), headers)
            status = connection.getresponse().status
        if status >= 500 or status == 429:
            raise OSError(f"HTTP {status}")
        if status >= 300:
            raise NoticeError(f"HTTP {status}")

    def _resolve(self, host: str, port: int) -> str:
        """Return the address to call, so that no second look-up finds another one."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, place in found:
            if not (self._anywhere or _is_public(str(place[0]))):
                raise NoticeError("a private address")
        return str(found[0][4][0])


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_global)


def _untold(what: str, error: Exception) -> None:
    event("warning", f"the {what} was not told", exception=type(error).__qualname__)

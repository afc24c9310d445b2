"""What is said when a request cannot be answered: JSON, with the model's identity."""

from __future__ import annotations

import json
from functools import lru_cache

from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from containers.flask.message import Answer
from manifest import Manifest


class Problem:
    """Writes every error of one model's server."""

    def __init__(self, manifest: Manifest) -> None:
        self._identity = {"model": manifest.name, "version": manifest.version}
        self._path = f"/v1/models/{manifest.name}:predict"
        # Under overload it is said thousands of times a second, always the same.
        self._busy = lru_cache(maxsize=128)(self._compose_busy)

    def plain(self, status: int, message: str) -> Answer:
        return Answer(status, self._body(message))

    def busy(self, status: int, message: str, *, retry_after: float) -> Answer:
        """Say when to come back, in whole seconds, 1 at least."""
        return self._busy(status, message, max(1, round(retry_after)))

    def _compose_busy(self, status: int, message: str, seconds: int) -> Answer:
        headers = f"Content-Type: application/json\r\nRetry-After: {seconds}\r\n"
        return Answer(status, self._body(message), headers.encode())

    def answer(self, error: HTTPException) -> Answer:
        """Say what werkzeug's exception means; its own headers (Allow) stay."""
        headers = "Content-Type: application/json\r\n" + "".join(
            f"{name}: {value}\r\n"
            for name, value in error.get_headers()
            if name.lower() != "content-type"
        )
        body = self._body(self._explain(error))
        return Answer(error.code or 500, body, headers.encode("latin-1"))

    def _explain(self, error: HTTPException) -> str:
        match error:
            case NotFound():
                return f"not found; this server answers POST {self._path}"
            case InternalServerError():
                return "internal error"
            case _:
                return error.description or error.name

    def _body(self, message: str) -> bytes:
        return json.dumps({"error": message, **self._identity}).encode()

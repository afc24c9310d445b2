"""From the door to a WSGI application (PEP 3333) and back, for what is not hot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from flask import Flask

from containers.flask.message import Answer, Request

_FRAMING = {"content-length", "transfer-encoding", "connection", "date"}


def call(app: Flask, request: Request) -> Answer:
    """Return the application's answer; what frames it is the door's to say."""
    said: list[Any] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], *_: Any
    ) -> Callable[[bytes], object]:
        said[:] = [status, headers]
        return lambda body: None

    body = b"".join(app.wsgi_app(_environ(request), start_response))
    status, headers = said
    kept = [f"{n}: {v}\r\n" for n, v in headers if n.lower() not in _FRAMING]
    return Answer(int(status[:3]), body, "".join(kept).encode("latin-1"))


def _environ(request: Request) -> dict[str, Any]:
    environ = {
        # Flask says no length of a body that it need not write; the door leaves it out.
        "REQUEST_METHOD": "GET" if request.method == "HEAD" else request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(request.path, encoding="latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": f"HTTP/{request.http_version}",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}:
            prefix = "" if key == "CONTENT_TYPE" else "HTTP_"
            environ[prefix + key] = value.decode("latin-1")
    return environ

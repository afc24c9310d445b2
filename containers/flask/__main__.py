"""python -m containers.flask: serve an artifact over HTTP."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

EPILOG = """
ask it:
  curl http://127.0.0.1:8080/v1/models/NAME:predict \\
    -d '{"instances": ["my order never came", "thank you, solved in a minute"]}'
  curl http://127.0.0.1:8080/v1/models/NAME        what is served, and its state
  curl http://127.0.0.1:8080/v2/health/ready       200 once every signature is warm
  http://127.0.0.1:8080/docs                       all the rest, to read and try

NAME stands in the artifact's manifest.json. SIGTERM or Ctrl-C answers what was
accepted, then stops. Exit code 2: it could not start, and one line says why.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m containers.flask",
        description="Serve a model artifact over HTTP with gunicorn and LiteRT.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model",
        required=True,
        metavar="DIR",
        help="artifact directory that python -m model_build wrote",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("PORT", "8080"),
        help="TCP port, 1 to 65535 (default: PORT, or 8080)",
    )
    parser.add_argument(
        "--host",
        type=_host,
        default=os.environ.get("SERVER_HOST", "127.0.0.1"),
        help="address to listen on (default: SERVER_HOST, or 127.0.0.1, this machine)",
    )
    arguments = parser.parse_args()
    environment = {
        **os.environ,
        "MODEL_DIR": str(Path(arguments.model).resolve()),
        "SERVER_HOST": arguments.host,
        "PORT": str(arguments.port),
    }
    config = "containers/flask/gunicorn_config.py"
    command = ["-m", "gunicorn", "-c", config, "containers.flask.wsgi:create()"]
    os.chdir(ROOT)  # -m and gunicorn both import from the working directory
    os.execve(sys.executable, [sys.executable, *command], environment)


def _host(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty address; 0.0.0.0 is every one")
    is_bare_v6 = ":" in text and not text.startswith("[")
    return f"[{text}]" if is_bare_v6 else text


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 65535")
    return int(text)


if __name__ == "__main__":
    main()

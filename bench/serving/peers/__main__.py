"""Start one peer: python -m bench.serving.peers flask|bentoml --model FILE ... --port N"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from bench.serving.peers.settings import Settings

ROOT = Path(__file__).parents[3]


def _command(options: argparse.Namespace) -> list[str]:
    if options.server == "bentoml":
        command = ["-m", "bentoml", "serve", "bench.serving.peers.bento_app:Sentiment"]
        return [*command, "--host", "127.0.0.1", "--port", options.port]
    return [
        *("-m", "gunicorn", "--bind", f"127.0.0.1:{options.port}"),
        *("--worker-class", "gthread", "--workers", str(options.workers)),
        *("--threads", str(options.threads), "--keep-alive", "75"),
        *("--log-level", "warning", "bench.serving.peers.flask_app:create()"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.peers", description="Start one peer."
    )
    parser.add_argument("server", choices=["flask", "bentoml"])
    parser.add_argument("--artifact", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", type=Path, required=True, metavar="FILE")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--engine-threads", type=int, default=1)
    parser.add_argument("--max-batch", type=int, default=1)
    parser.add_argument("--max-wait-ms", type=int, default=0)
    parser.add_argument("--port", required=True)
    options = parser.parse_args()
    settings = Settings(
        str(options.artifact.resolve()),
        str(options.model.resolve()),
        options.engine_threads,
        options.workers,
        options.max_batch,
        options.max_wait_ms,
    )
    environment = {
        **os.environ,
        **settings.environment(),
        "OMP_NUM_THREADS": str(options.engine_threads),
        "TOKENIZERS_PARALLELISM": "false",
        "BENTOML_DO_NOT_TRACK": "true",
    }
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, *_command(options)], environment)


if __name__ == "__main__":
    main()

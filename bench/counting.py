"""python -m bench.counting: what counting and logging cost a request, in microseconds.

CPU time of the calls that the server makes for one request that is a batch of its own,
the most it can be: the least of several rounds, so that other work counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from containers.flask.log import RequestLog, request_id
from containers.flask.metrics import Metrics

CALLS, ROUNDS = 50_000, 7


def main() -> None:
    metrics = Metrics({"model": "support-sentiment", "model_version": "3f1c9a07be24"})
    log = RequestLog("errors")
    parts: dict[str, Callable[[], object]] = {
        "its status, route and time": partial(metrics.answered, "predict", 200, 0.0123),
        "its text in the cache": partial(metrics.cache, 0, 1),
        "its batch, tokens and engine time": partial(metrics.batch, 1, 20, 24, 0.003),
        "a line that is not logged": partial(
            log.answered, "predict", 200, 0.0123, request_id="a", received=30, sent=90
        ),
        "its id": partial(request_id, None),
    }
    costs = {name: microseconds(call) for name, call in parts.items()}
    for name, cost in costs.items():
        print(f"{name:<36}{cost:5.2f} us")
    print(f"{'all':<36}{sum(costs.values()):5.2f} us")


def microseconds(call: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(CALLS):
            call()
        times.append(time.process_time() - started)
    return min(times) / CALLS * 1e6


if __name__ == "__main__":
    main()

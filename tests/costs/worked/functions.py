"""Functions: those that do a chore, take submissions, serve a model, or are kept warm.

The one that serves was measured at 200 requests a second of half a core: 2.5 ms of a whole
one, which comes with 1,769 MB and more; 512 MB come with 0.289 of it.
"""

from __future__ import annotations

from typing import Any

from costs.scale import Scale
from tests.costs.samples import Resources, released, resource
from tests.costs.worked.subjects import Cases, always, one

X86, ARM = 0.0000166667, 0.0000133334  # a GB-second
WARM_X86, WARM_ARM = 0.0000097222, 0.0000077778
KEPT_X86, KEPT_ARM = 0.0000041667, 0.0000033334
MONTH = 730 * 3600
# Milliseconds of a request at 0.9 and at 0.6 of the measured core's speed, half of one
# more for being billed by the whole one.
USUAL, SLOW = 2.5 / 0.9 + 0.5, 2.5 / 0.6 + 0.5
USUAL_REQUESTS, MANY_REQUESTS = 100_000, 10_000_000


def serving(memory_mb: int, **properties: Any) -> Resources:
    """The function `It` with a model's server, in a stack that tells its release."""
    told = {"Variables": {"AWS_LWA_PORT": "8080"}}
    it = resource(
        "Lambda::Function", MemorySize=memory_mb, Environment=told, **properties
    )
    release = released(requests_per_second=200)
    return {"Metadata": {"Lathe": release}, "Resources": {"It": it}}


def warm(count: int, **properties: Any) -> Resources:
    """A version `It` of a function of 2 GB, of which some environments are kept warm."""
    function = resource("Lambda::Function", MemorySize=2048, **properties)
    kept = {"ProvisionedConcurrentExecutions": count}
    version = resource(
        "Lambda::Version",
        FunctionName={"Ref": "Model"},
        **({"ProvisionedConcurrencyConfig": kept} if count else {}),
    )
    return {"Model": function, "It": version}


def with_version(template: Resources) -> Resources:
    version = resource(
        "Lambda::Version",
        FunctionName={"Ref": "It"},
        ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 1},
    )
    return {**template, "Resources": {**template["Resources"], "Version": version}}


def requests(count: int, ms: float, cost: float, starts: float, start: float) -> float:
    """USD of requests at 2 GB: their time at its price, starts at theirs, each one."""
    return 2 * count * (ms / 1000 * cost + starts * start) + count * 0.2e-6


CASES: Cases = {
    "a function of CDK's": (
        one("Lambda::Function"),
        always(100 * 5 * 0.125 * X86 + 100 * 0.2e-6),
    ),
    "a function": (
        one("Lambda::Function", MemorySize=512, Architectures=["arm64"]),
        always(100 * 5 * 0.5 * ARM + 100 * 0.2e-6),
    ),
    "a function that takes submissions": (
        one(
            "Lambda::Function",
            MemorySize=512,
            Environment={"Variables": {"QUEUE_URL": "q"}},
        ),
        Scale(
            0,
            300_000 * (0.1 * 0.5 * X86 + 0.2e-6),
            3_000_000 * (0.1 * 0.5 * X86 + 0.2e-6),
        ),
    ),
    "a function that serves": (
        serving(2048),
        Scale(
            0,
            requests(USUAL_REQUESTS, USUAL, X86, 0.01 * 2, X86),
            requests(MANY_REQUESTS, SLOW, X86, 0.05 * 5, X86),
        ),
    ),
    "a function that serves on ARM, some kept warm": (
        with_version(serving(2048, Architectures=["arm64"])),
        Scale(
            0,
            requests(USUAL_REQUESTS, USUAL, WARM_ARM, 0.01 * 2, ARM),
            requests(MANY_REQUESTS, SLOW, WARM_ARM, 0.05 * 5, ARM),
        ),
    ),
    "a function that serves, some kept warm": (
        with_version(serving(2048)),
        Scale(
            0,
            requests(USUAL_REQUESTS, USUAL, WARM_X86, 0.01 * 2, X86),
            requests(MANY_REQUESTS, SLOW, WARM_X86, 0.05 * 5, X86),
        ),
    ),
    "a function that serves on a part of a core, one at a time": (
        serving(512, ReservedConcurrentExecutions=1),
        Scale(
            0,
            USUAL_REQUESTS
            * (0.5 * ((2.5 / 0.9 * 1769 / 512 + 0.5) / 1000 + 0.01 * 2) * X86 + 0.2e-6),
            0.5 * MONTH * X86 + 2.0,  # busy all the month; requests are refused beyond
        ),
    ),
    "environments kept warm": (warm(3), always(3 * 2 * MONTH * KEPT_X86)),
    "an environment kept warm on ARM": (
        warm(1, Architectures=["arm64"]),
        always(2 * MONTH * KEPT_ARM),
    ),
    "a version of which none is kept warm": (warm(0), always(0)),
}

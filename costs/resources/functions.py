"""Functions of AWS Lambda: those that serve a model, take submissions, or do a chore."""

from __future__ import annotations

import math
from dataclasses import replace

from costs.assembly import AssemblyError, Resource
from costs.charges import SECONDS, Estimate, Rates
from costs.choosing.processors import LAMBDA
from costs.choosing.service_time import service_time
from costs.functions import billed_ms, speed
from costs.release import release_of
from costs.scale import Scale

# What a function is told that takes submissions; it is called for each, and asked twice.
_DOOR, _CALLS = "QUEUE_URL", 3
# What a function is told that has a model's server in it.
_SERVER = "AWS_LWA_PORT"


def serves(function: Resource) -> bool:
    """Tell whether a function answers for a model by itself."""
    return _SERVER in function.get("Environment.Variables", {})


def takes_submissions(function: Resource) -> bool:
    """Tell whether a function puts what it is asked into a queue."""
    return _DOOR in function.get("Environment.Variables", {})


def function(resource: Resource, rates: Rates) -> Estimate:
    """Price a function by its assumed calls; CDK's own stand for custom resources."""
    usage = rates.usage
    if serves(resource):
        return _server(resource, rates)
    calls, seconds = usage.lambda_calls, usage.lambda_seconds
    names = ("lambda_calls", "lambda_seconds")
    if takes_submissions(resource):
        calls, seconds = usage.submissions * _CALLS, usage.door_seconds
        names = ("submissions", "door_seconds")
    gb_seconds = calls * seconds * _memory_gb(resource)
    compute = rates.charge("Lambda", f"compute {_kind(resource)}", gb_seconds, *names)
    requests = rates.charge("Lambda", "requests", calls * 1e-6, names[0])
    return Estimate(f"function, {_described(resource)}", (compute, requests))


def version(resource: Resource, rates: Rates) -> Estimate:
    """Price the environments that are kept warm of a version, used or not."""
    count = _provisioned(resource)
    if not count:
        return Estimate("its function's calls are priced")
    function = _function_of(resource, rates)
    gb_seconds = count * _memory_gb(function) * SECONDS
    item = f"provisioned concurrency {_kind(function)}"
    detail = f"{count:g} kept warm, {_described(function)}"
    return Estimate(detail, (rates.charge("Lambda", item, gb_seconds),))


def _server(function: Resource, rates: Rates) -> Estimate:
    """Price requests by the service time of the stack's release, and what starts add.

    Never more than its reserved concurrency, busy all the month.
    """
    usage, kind, gb = rates.usage, _kind(function), _memory_gb(function)
    most = function.get("ReservedConcurrentExecutions", None)
    bound = Scale.always(math.inf if most is None else float(most) * SECONDS)
    calls = usage.function_requests
    answering = Scale.of(min, calls * (_billed_ms(function, rates) * 1e-3), bound)
    starts = calls * usage.function_starts * usage.function_start_seconds
    starting = Scale.of(min, starts, bound - answering)
    versions = rates.stack_of(function).of_type("AWS::Lambda::Version")
    warm = "provisioned " if any(map(_provisioned, versions)) else ""
    many, often = "function_requests", ("function_starts", "function_start_seconds")
    answers = rates.charge("Lambda", f"{warm}compute {kind}", answering * gb, many)
    colds = rates.charge("Lambda", f"compute {kind}", starting * gb, many, *often)
    charges = (
        replace(answers, what="answers"),
        replace(colds, what="starts"),
        rates.charge("Lambda", "requests", calls * 1e-6, many),
    )
    detail = f"serves, {_described(function)}"
    if most is not None:
        busy = (bound * gb * colds.price.usd).maximum
        detail += f", {most} at once at most: {busy:,.0f} a month if all were busy"
    return Estimate(detail, charges)


def _billed_ms(function: Resource, rates: Rates) -> Scale:
    """Return an average request's time, by how fast Lambda's cores may be."""
    release = release_of(rates.stack_of(function))
    if release is None or release.serving is None:
        raise AssemblyError(f"{function}: its template does not tell what was measured")
    service, memory_mb = service_time(release.serving), function.number("MemorySize")
    fast_first = Scale(LAMBDA.high, LAMBDA.expected, LAMBDA.low)
    return Scale.of(lambda core: billed_ms(service, speed(memory_mb, core)), fast_first)


def _function_of(version: Resource, rates: Rates) -> Resource:
    named = version.get("FunctionName")
    for function in rates.stack_of(version).of_type("AWS::Lambda::Function"):
        if function.is_named_in(named):
            return function
    raise AssemblyError(f"{version}: FunctionName: {named!r} is not in the stack")


def _provisioned(version: Resource) -> float:
    where = "ProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions"
    return version.number(where, 0)


def _memory_gb(function: Resource) -> float:
    return function.number("MemorySize", 128) / 1024


def _kind(function: Resource) -> str:
    return "ARM" if "arm64" in function.items("Architectures") else "x86"


def _described(function: Resource) -> str:
    return f"{function.number('MemorySize', 128):g} MB {_kind(function)}"

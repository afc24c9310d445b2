"""What a task or an instance is, what it costs an hour, and how fast it may be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from costs.book import PriceBook, PriceError
from costs.charges import HOURS
from costs.choosing.processors import FAMILIES, FARGATE, Speed
from costs.choosing.variants import Variant
from costs.fargate import HEADROOM, MEMORY_MIB, SizeError, fargate_size
from costs.instances import InstanceType, instance_types
from costs.predictions import Architecture, dollars_per_hour
from costs.usage import Usage
from manifest import Serving

Lent = Literal["on-demand", "Spot"]

_ARCHITECTURES: tuple[Architecture, ...] = ("x86", "ARM")
_SOLD_AS: Mapping[str, Architecture] = {"x86_64": "x86", "arm64": "ARM"}
_NOTES: Mapping[str, str] = {"x86": "", "ARM": "wants a release built on ARM"}
_VCPU = tuple(units / 1024 for units in MEMORY_MIB if units <= 16384)
DISK_GIB = 30  # of an instance: what ECS's image takes at least
# Of an instance's memory, what its system and ECS's agent leave to tasks.
_FOR_TASKS = 0.9
# Seconds from the decision until a task is there, without the server's own start.
# Fargate: "starts scaling after 30 seconds", instances "after two and a half minutes"
# (https://www.vladionescu.me/posts/scaling-containers-on-aws-in-2022/), and two health
# checks of 10 s.
START_SECONDS = {"Fargate": 60.0, "EC2": 180.0}


@dataclass(frozen=True)
class Machine:
    """Something that one copy of the server has to itself."""

    name: str
    vcpu: float
    hourly: float  # USD
    speed: Speed
    start_seconds: float  # before the server's own
    lent: Lent
    weakness: str | None = None  # of its price
    note: str = ""

    @property
    def monthly(self) -> float:
        """USD of one that always runs."""
        return self.hourly * HOURS


@dataclass(frozen=True)
class Unfit:
    """A kind of machine that cannot be chosen, and why."""

    name: str
    reason: str


def machines(
    variant: Variant, book: PriceBook, usage: Usage
) -> Iterator[Machine | Unfit]:
    """Yield every machine the price book knows, or why it is none for this model."""
    serving = variant.serving
    for architecture in _ARCHITECTURES:
        if reason := _foreign(variant, architecture):
            yield Unfit(f"Fargate {architecture}", reason)
        else:
            yield from _fargate(serving, architecture, book, usage)
    for kind in instance_types().values():
        if kind.gpus:
            yield Unfit(f"{kind.name} ({_gpu(kind)})", _NOT_MEASURED)
        elif kind.family not in FAMILIES:
            reason = "a burstable type: what it costs beyond its credits is in no book"
            yield Unfit(kind.name, reason)
        elif foreign := _foreign(variant, _SOLD_AS[kind.architecture]):
            yield Unfit(kind.name, foreign)
        else:
            yield from _instance(kind, serving, book)
    yield Unfit(
        "inf2",
        "Inferentia2: LiteRT, OpenVINO and TF Serving have no Neuron backend",
    )


def _foreign(variant: Variant, architecture: Architecture) -> str | None:
    """Return why a release cannot be thought of on another architecture."""
    if architecture == "x86" and variant.architecture == "arm64":
        return "measured on ARM: how fast it is on x86 nobody has compared"
    if architecture == "ARM" and variant.runtime == "tf_serving":
        return "TF Serving has no image for ARM"
    return None


_NOT_MEASURED = "not measured: this release ran on CPUs, which tells nothing of a GPU"


def _gpu(kind: InstanceType) -> str:
    return f"{kind.gpus} x {(kind.gpu or '').upper()}"


def peak_mib(serving: Serving, vcpu: float) -> int:
    """Return the memory of a server on so many vCPU: each thread has its own buffers."""
    return math.ceil(serving.memory_mib * max(1.0, math.ceil(vcpu) / serving.vcpu))


def _fargate(
    serving: Serving, architecture: Architecture, book: PriceBook, usage: Usage
) -> Iterator[Machine | Unfit]:
    for vcpu in _VCPU:
        name, peak = f"Fargate {architecture} {vcpu:g} vCPU", peak_mib(serving, vcpu)
        try:
            size = fargate_size(peak, vcpu=vcpu)
            hourly = dollars_per_hour(size, book, architecture=architecture)
        except (SizeError, PriceError) as error:
            yield Unfit(name, str(error))
            continue
        if size.vcpu > vcpu:
            yield Unfit(name, f"{peak} MiB and a quarter more are not sold with it")
            continue
        on_demand = Machine(
            f"{name} {size.memory_gib:g} GB",
            vcpu,
            hourly,
            FARGATE[architecture],
            START_SECONDS["Fargate"],
            "on-demand",
            note=_NOTES[architecture],
        )
        yield on_demand
        yield replace(
            on_demand,
            hourly=hourly * (1 - usage.spot_discount.expected),
            lent="Spot",
            weakness="ASSUMPTION: spot_discount",
        )


def _instance(
    kind: InstanceType, serving: Serving, book: PriceBook
) -> Iterator[Machine | Unfit]:
    room = kind.memory_gib * 1024 * _FOR_TASKS
    needed = peak_mib(serving, kind.vcpu) * HEADROOM
    if needed > room:
        yield Unfit(kind.name, f"{needed:.0f} MiB are needed, {room:.0f} left to tasks")
        return
    lends: tuple[tuple[str, Lent], ...] = (("EC2", "on-demand"), ("EC2 Spot", "Spot"))
    for service, lent in lends:
        try:
            price = book.price(service, kind.name)
            disk = book.price("EBS", "gp3 storage").usd * DISK_GIB / HOURS
        except PriceError as error:
            yield Unfit(f"{kind.name} {lent}", str(error))
            continue
        yield Machine(
            kind.name,
            kind.vcpu,
            price.usd + disk,
            FAMILIES[kind.family],
            START_SECONDS["EC2"],
            lent,
            price.weakness,
            _NOTES[_SOLD_AS[kind.architecture]],
        )

"""The cheapest way to serve a model that keeps an objective, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from costs.book import PRICES, PriceBook, read_book
from costs.choosing.door import door
from costs.choosing.fleet import Fleet, cheapest_fleet, fewest
from costs.choosing.hardware import Machine, Unfit, machines
from costs.choosing.objective import Objective
from costs.choosing.queued import Queued, batch, from_zero
from costs.choosing.serverless import Functions, functions
from costs.choosing.variants import Variant
from costs.scale import counted
from costs.usage import Usage

Mode = Literal["real-time", "asynchronous", "serverless", "batch"]
RUNNERS_UP = 5


@dataclass(frozen=True)
class Offer:
    """One way to serve, simulated, or why it was not."""

    mode: Mode
    variant: str
    machine: str
    scale: str  # "2 machines", "1 to 6 machines"
    monthly: float  # USD; the least it can be where `simulated` is False
    p99_ms: float | None
    reason: str | None  # why it cannot be chosen; None if it can
    notes: tuple[str, ...] = ()
    simulated: bool = True


@dataclass(frozen=True)
class Question:
    """All that a choice depends on."""

    variants: Sequence[Variant]
    objective: Objective
    region: str
    usage: Usage
    prices: Path = PRICES
    # What a sensitivity varies: prices of machines and functions, and whether
    # processors are as fast as expected instead of as slow as may be.
    price_factor: float = 1.0
    expected_speed: bool = False
    is_rough: bool = False  # fewer requests are simulated: nothing rests on it alone

    @property
    def book(self) -> PriceBook:
        return read_book(self.region, self.prices)


@dataclass(frozen=True)
class Choice:
    """The offers that can be chosen, the cheapest first, and all others."""

    question: Question
    offers: tuple[Offer, ...]
    others: tuple[Offer, ...]
    unfit: tuple[Unfit, ...]

    @property
    def best(self) -> Offer | None:
        return self.offers[0] if self.offers else None


def choose(question: Question, runners_up: int = RUNNERS_UP) -> Choice:
    """Find the cheapest offer and its runners-up; what must be dearer is not simulated.

    Raises PriceError where a price that every offer needs is missing.
    """
    book = question.book
    found: list[Offer] = []
    unfit: dict[str, Unfit] = {}
    pending: list[tuple[float, Machine, Variant]] = []
    for variant in question.variants:
        fit: list[Machine] = []
        for each in machines(variant, book, question.usage):
            if isinstance(each, Unfit):
                unfit.setdefault(each.name, each)
            else:
                fit.append(_varied(each, question))
        found += _without_machines_that_wait(question, variant, fit, book)
        if _is_good(variant, question):
            pending += ((_least(m, variant, question), m, variant) for m in fit)
    found += _real_time(question, pending, runners_up)
    found = [_judged(offer, question) for offer in found]
    chosen = sorted((o for o in found if o.reason is None), key=lambda o: o.monthly)
    others = sorted((o for o in found if o.reason), key=lambda o: o.monthly)
    return Choice(question, tuple(chosen), tuple(others), tuple(unfit.values()))


def _varied(machine: Machine, question: Question) -> Machine:
    speed = machine.speed
    if question.expected_speed:
        speed = replace(speed, low=speed.expected)
    return replace(machine, hourly=machine.hourly * question.price_factor, speed=speed)


def _door(question: Question) -> float:
    rate = question.objective.profile.mean
    return door(question.region, question.usage, rate, question.prices)


def _least(machine: Machine, variant: Variant, question: Question) -> float:
    """Return what a fleet of a machine costs at the very least."""
    count = fewest(machine, variant.service, question.objective)
    return _door(question) + count * machine.monthly


def _real_time(
    question: Question,
    pending: Sequence[tuple[float, Machine, Variant]],
    runners_up: int,
) -> Iterator[Offer]:
    """Simulate fleets, those that may be cheapest first, until no other can be."""
    known: list[float] = []
    for least, machine, variant in sorted(pending, key=lambda each: each[0]):
        if len(known) > runners_up and least > known[runners_up]:
            yield _not_simulated(least, machine, variant)
            continue
        offer = _fleet_offer(machine, variant, question, least)
        if _judged(offer, question).reason is None:
            known = sorted([*known, offer.monthly])
        yield offer


def _name(machine: Machine) -> str:
    return f"{machine.name} Spot" if machine.lent == "Spot" else machine.name


def _not_simulated(least: float, machine: Machine, variant: Variant) -> Offer:
    return Offer(
        "real-time",
        variant.name,
        _name(machine),
        "",
        least,
        None,
        "dearer than the runners-up even if nothing were ever idle",
        simulated=False,
    )


def _fleet_offer(
    machine: Machine, variant: Variant, question: Question, least: float
) -> Offer:
    objective = question.objective
    fleet = cheapest_fleet(
        machine,
        variant.service,
        objective,
        variant.ready_seconds,
        is_rough=question.is_rough,
    )
    name = _name(machine)
    if isinstance(fleet, str):
        return Offer("real-time", variant.name, name, "", least, None, fleet)
    return Offer(
        "real-time",
        variant.name,
        name,
        _scale(fleet),
        fleet.monthly + _door(question),
        fleet.p99_ms,
        None,
        tuple(_notes(fleet)),
    )


def _scale(fleet: Fleet) -> str:
    scaling, spare = fleet.scaling, fleet.spare
    if fleet.load_percent is None:
        return counted(scaling.min_tasks + spare, "machine")
    least, most = (
        scaling.min_tasks + spare,
        counted(scaling.max_tasks + spare, "machine"),
    )
    return f"{least} to {most}, load_percent {fleet.load_percent}"


def _notes(fleet: Fleet) -> Iterator[str]:
    if fleet.spare:
        yield "one machine more than needed, for Spot takes some back"
    if fleet.machine.note:
        yield fleet.machine.note
    if fleet.machine.weakness:
        yield f"price: {fleet.machine.weakness}"


def _without_machines_that_wait(
    question: Question, variant: Variant, fit: Sequence[Machine], book: PriceBook
) -> Iterator[Offer]:
    """Yield what costs nothing while nobody calls: functions, queues, a daily batch."""
    objective, factor = question.objective, question.price_factor
    ready = variant.ready_seconds
    for each in functions(variant.serving, variant.service, objective, ready, book):
        yield _functions_offer(each, variant, factor)
    if not fit:
        return
    tasks = [machine for machine in fit if machine.name.startswith("Fargate")]
    queued = from_zero(tasks or fit, variant.service, objective, ready, book)
    yield _queued_offer("asynchronous", queued, variant, objective)
    yield _queued_offer(
        "batch", batch(fit, variant.service, objective), variant, objective
    )


def _functions_offer(found: Functions, variant: Variant, factor: float) -> Offer:
    reason = found.reason
    if (variant.runtime, variant.architecture) != ("flask", "x86_64"):
        reason = "only the light server, measured on x86, is thought of as a function"
    return Offer(
        "serverless",
        variant.name,
        f"Lambda x86 {found.memory_mb} MB",
        "a function a request",
        found.monthly * factor,
        found.p99_ms,
        reason,
        (f"{100 * found.cold:.2g} % of requests start a function",),
    )


def _queued_offer(
    mode: Mode, found: Queued, variant: Variant, objective: Objective
) -> Offer:
    reason = None
    if found.p99_ms > objective.p99_ms:
        waits = {
            "asynchronous": "for a machine to start, or for the answer to be fetched",
            "batch": "for the day to end",
        }
        reason = f"p99 {found.p99_ms / 1000:,.0f} s: callers wait {waits[mode]}"
    return Offer(
        mode,
        variant.name,
        _name(found.machine),
        f"{counted(found.machines, 'machine')}, {100 * found.running:.0f} % of the time",
        found.monthly,
        found.p99_ms,
        reason,
    )


def _judged(offer: Offer, question: Question) -> Offer:
    """Return an offer with what the budget and the quality say of it."""
    if offer.reason is not None:
        return offer
    (variant,) = (v for v in question.variants if v.name == offer.variant)
    budget = question.objective.budget
    if not _is_good(variant, question):
        wanted = question.objective.quality
        reason = f"{variant.measure} {variant.quality:.3f}, below {wanted:.3f}"
        return replace(offer, reason=reason)
    if budget is not None and offer.monthly > budget:
        return replace(offer, reason=f"above the budget of {budget:,.2f} USD a month")
    return offer


def _is_good(variant: Variant, question: Question) -> bool:
    return variant.quality >= (question.objective.quality or 0.0)

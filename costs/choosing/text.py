"""A choice for a terminal, for a pull request, for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from costs.book import Price
from costs.charges import SECONDS
from costs.choosing.autoscaling import HIGH_MINUTES, LOW_MINUTES
from costs.choosing.break_even import BreakEven, Point, Sensitivity
from costs.choosing.choice import RUNNERS_UP, Choice, Offer
from costs.choosing.hardware import DISK_GIB
from costs.choosing.processors import SPEEDS, Speed
from costs.choosing.queueing import WANDER, WANDER_MS
from costs.notes import stale_notes
from costs.scale import number
from costs.tables import Row, aligned, dollars, markdown

SCHEMA = 1
# What offers are priced by, in the region's book.
_SERVICES = ("ALB", "EC2", "EC2 Spot", "Fargate", "Lambda")
_ITEMS = ("gp3 storage", "standard requests")  # of EBS and SQS
_HEADER: Row = ("", "USD/month", "USD/million", "p99 ms")


@dataclass(frozen=True)
class Answer:
    """A choice and what it hangs on."""

    model: str
    choice: Choice
    points: Sequence[Point]
    break_evens: Sequence[BreakEven]
    sensitivities: Sequence[Sensitivity]
    today: date | None = None  # that prices are old or new on; None: nobody asks


def answer_text(answer: Answer) -> str:
    """Return the answer first, then what else was looked at, and why it is not that."""
    choice, lines = answer.choice, [_heading(answer), ""]
    lines += [*_verdict(choice), ""]
    if choice.offers:
        rows = [_HEADER, *_rows(choice, choice.offers[: RUNNERS_UP + 1])]
        lines += [*aligned(rows), ""]
    lines += _titled("Why not the others", _others(choice))
    lines += _titled("Break-even", _break_evens(answer))
    lines += _titled("If it is otherwise", _sensitivities(answer))
    lines += _titled("Rests on", _assumptions(choice))
    lines += [*_prices(answer), ""]
    return "\n".join(lines)


def answer_markdown(answer: Answer) -> str:
    """Return what fits a screen, with the others and the assumptions folded."""
    choice = answer.choice
    lines = [f"### {_heading(answer)}", "", " ".join(_verdict(choice)), ""]
    if choice.offers:
        rows = list(_rows(choice, choice.offers[: RUNNERS_UP + 1]))
        lines += [*markdown(_HEADER, rows), ""]
    lines += [f"- {line}" for line in _break_evens(answer)] + [""]
    for title, body in (
        ("Why not the others", _others(choice)),
        ("If it is otherwise", _sensitivities(answer)),
        ("Rests on", _assumptions(choice)),
    ):
        lines += [f"<details><summary>{title}</summary>", ""]
        lines += [f"- {line}" for line in body]
        lines += ["", "</details>", ""]
    lines += [f"- {line}" for line in _prices(answer)] + [""]
    return "\n".join(lines)


def answer_json(answer: Answer) -> str:
    choice = answer.choice
    objective = choice.question.objective
    record: dict[str, Any] = {
        "break_even": [asdict(each) for each in answer.break_evens],
        "cost_by_traffic": [
            {
                "requests_per_second": point.requests_per_second,
                "monthly_usd": {k: o.monthly for k, o in point.offers.items()},
            }
            for point in answer.points
        ],
        "model": answer.model,
        "objective": {
            "p99_ms": objective.p99_ms,
            "profile": objective.profile.name,
            "requests_per_second": objective.profile.mean,
        },
        "offers": [_record(offer) for offer in choice.offers],
        "prices": list(_prices(answer)),
        "others": [_record(offer) for offer in choice.others],
        "region": choice.question.region,
        "schema": SCHEMA,
        "sensitivity": [
            {
                "best": _record(each.best) if each.best else None,
                "change": each.change,
                "what": each.what,
            }
            for each in answer.sensitivities
        ],
        "unfit": [asdict(each) for each in choice.unfit],
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _record(offer: Offer) -> dict[str, Any]:
    record = asdict(offer)
    late = offer.p99_ms is None or offer.p99_ms == float("inf")
    record["p99_ms"] = None if late else offer.p99_ms
    return {**record, "notes": list(offer.notes)}


def _heading(answer: Answer) -> str:
    objective = answer.choice.question.objective
    return (
        f"{answer.model} at {number(objective.profile.mean)} requests a second"
        f" ({objective.profile.name}), p99 <= {number(objective.p99_ms)} ms,"
        f" in {answer.choice.question.region}"
    )


def _verdict(choice: Choice) -> Iterator[str]:
    best = choice.best
    if best is None:
        near = min(
            (o for o in choice.others if o.mode == "real-time"),
            key=lambda offer: offer.monthly,
            default=None,
        )
        yield "Nothing keeps that."
        if near:
            yield f"The cheapest that comes near: {_title(near)}: {near.reason}."
        return
    yield f"Cheapest: {_title(best)}, {best.scale}: {dollars(best.monthly)} USD a month."
    yield from (f"({note})" for note in best.notes)


def _title(offer: Offer) -> str:
    return f"{offer.mode}, {offer.machine}, {offer.variant}"


def _rows(choice: Choice, offers: Sequence[Offer]) -> Iterator[Row]:
    millions = choice.question.objective.profile.mean * SECONDS / 1e6
    for offer in offers:
        yield (
            f"{_title(offer)}: {offer.scale}",
            dollars(offer.monthly),
            dollars(offer.monthly / millions),
            "" if offer.p99_ms is None else number(offer.p99_ms),
        )


def _others(choice: Choice) -> Iterator[str]:
    """Yield a line for each other offer; those of one reason share one."""
    for offer in choice.offers[RUNNERS_UP + 1 :]:
        yield f"{_title(offer)}: dearer, {dollars(offer.monthly)}"
    together: dict[str, list[str]] = {}
    for offer in choice.others:
        price = "" if offer.simulated else f" (at least {dollars(offer.monthly)})"
        together.setdefault(str(offer.reason), []).append(f"{_title(offer)}{price}")
    for unfit in choice.unfit:
        together.setdefault(unfit.reason, []).append(unfit.name)
    for reason, names in together.items():
        yield f"{_listed(names)}: {reason}"


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = "; ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _break_evens(answer: Answer) -> Iterator[str]:
    for each in answer.break_evens:
        yield (
            f"above {number(each.requests_per_second)} requests a second"
            f" {each.cheaper} is cheaper than {each.dearer}"
        )
    first, last = answer.points[0], answer.points[-1]
    if not answer.break_evens:
        cheapest = min(first.offers, key=lambda kind: first.offers[kind].monthly)
        yield (
            f"none from {number(first.requests_per_second)} to"
            f" {number(last.requests_per_second)} requests a second: {cheapest} stays"
            " the cheapest"
        )
    yield "from zero lets the first callers after a pause wait for minutes"


def _sensitivities(answer: Answer) -> Iterator[str]:
    for each in answer.sensitivities:
        by = "as expected" if each.change is None else f"{100 * each.change:+.0f} %"
        what = f"{each.what} {by}"
        if each.best is None:
            yield f"{what}: nothing keeps it"
            continue
        best = answer.choice.best
        same = best is not None and _title(best) == _title(each.best)
        name = "the same" if same else _title(each.best)
        yield f"{what}: {name}, {each.best.scale}, {dollars(each.best.monthly)}"


def _speeds(choice: Choice) -> Iterator[tuple[str, Speed]]:
    """Yield the speeds that the offers shown rest on."""
    shown = [offer.machine for offer in choice.offers[: RUNNERS_UP + 1]]
    for kind, speed in SPEEDS.items():
        if any(machine.startswith(kind) for machine in shown):
            yield kind, speed


def _assumptions(choice: Choice) -> Iterator[str]:
    """Yield what nobody measured, each with where it is from."""
    question = choice.question
    objective = question.objective
    (released,) = [v for v in question.variants if v.released]
    serving = released.serving
    yield (
        f"measured on {serving.hardware}, {serving.vcpu:g} vCPU:"
        f" {serving.requests_per_second:g} requests a second, alone p50"
        f" {serving.p50_ms:g} and p99 {serving.p99_ms:g} ms, {serving.memory_mib} MiB"
    )
    for kind, speed in _speeds(choice):
        yield (
            f"a vCPU of {kind} is {speed.low:g} to {speed.high:g} times as fast, and what"
            f" is chosen holds at {speed.low:g}: {speed.basis}"
        )
    yield (
        f"speed wanders by {100 * WANDER:.0f} % every {WANDER_MS:.0f} ms, and requests"
        f" that would wait {objective.max_wait_ms:g} ms are refused (MAX_WAIT_MS)"
    )
    yield (
        f"tasks are added after {HIGH_MINUTES} minutes above the target, taken away"
        f" after {LOW_MINUTES} below; a Fargate task starts in 60 s, an instance in 180,"
        " and the server in it as measured"
    )
    yield (
        f"real-time pays for an internal load balancer, an instance for {DISK_GIB} GB of"
        " disk; networks, logs and alarms cost the same whatever is chosen, and are left"
        " out; free tiers are not deducted"
    )


def _prices(answer: Answer) -> Iterator[str]:
    """Yield the age of the prices that offers are made of, and a warning of old ones."""
    book = answer.choice.question.book
    used = [price for price in book.prices if _is_used(price)]
    dates = sorted(price.as_of for price in used if price.as_of != "undated")
    yield f"prices of {book.region}, read {dates[0]} to {dates[-1]}"
    yield from stale_notes(used, answer.today)


def _is_used(price: Price) -> bool:
    return price.service in _SERVICES or price.item in _ITEMS


def _titled(title: str, lines: Iterator[str]) -> list[str]:
    return [f"{title}:", *(f"  {line}" for line in lines), ""]

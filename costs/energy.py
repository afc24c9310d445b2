"""Energy and carbon of what runs a model: an estimate, by a published method.

The method is Cloud Carbon Footprint's: watts rise from idle to full load with the share
of a processor that works; memory takes the same at any load; the data centre adds its
PUE; the region's grid says how many grams of CO2e a kilowatt-hour makes. Figures and
their sources stand in `carbon.json`.

Counted are tasks and instances, their processors, memory and GPUs. Left out are load
balancers, networks, disks, builds, functions, and what making the machines emitted. A
processor's watts come from whole servers, so memory is counted in part twice: it is an
estimate on the high side.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from costs.charges import Charge
from costs.fargate import fargate_size
from costs.instances import instance_type
from costs.scale import Scale
from manifest import Serving

TABLE = Path(__file__).parent / "carbon.json"
METHOD = (
    "an estimate by Cloud Carbon Footprint's method, of tasks and instances only; their"
    " making is left out, and the grid is the region's average, whatever AWS buys"
)

_FARGATE_ITEMS = {"vCPU x86": "fargate x86", "vCPU ARM": "fargate ARM"}


class CarbonError(ValueError):
    """Watts or a grid that nobody has looked up."""


@dataclass(frozen=True)
class Watts:
    """What one vCPU or one GPU draws, idle and at full load."""

    idle: float
    full: float

    def at(self, utilisation: float) -> float:
        return self.idle + utilisation * (self.full - self.idle)


@dataclass(frozen=True)
class Energy:
    """Energy drawn from the grid, PUE included, and the CO2e it makes there."""

    kwh: Scale  # a month
    kg_co2e: Scale  # a month

    @staticmethod
    def total(parts: Sequence[Energy]) -> Energy:
        return Energy(
            Scale.total(part.kwh for part in parts),
            Scale.total(part.kg_co2e for part in parts),
        )


@dataclass(frozen=True)
class PredictionEnergy:
    """The same of one million predictions."""

    kwh: float
    grams_co2e: float


def energy(
    charges: Iterable[Charge], region: str, *, utilisation: Scale | float
) -> Energy:
    """Return what a bill's charges of one region draw a month.

    `utilisation` is the share of processors and GPUs that works, 0 to 1. Raises
    CarbonError naming a region without a grid, or a machine without watts.
    """
    share = utilisation if isinstance(utilisation, Scale) else Scale.always(utilisation)
    watt_hours = Scale.total(
        charge.quantity * watts
        for charge in charges
        if (watts := _watts(charge, share)) is not None
    )
    kwh = watt_hours * (pue() / 1000)
    return Energy(kwh, kwh * (grams_per_kwh(region) / 1000))


def energy_per_million(
    serving: Serving,
    region: str,
    *,
    arm: bool = False,
    utilisation: float = 1.0,
) -> PredictionEnergy:
    """Return what a million predictions draw on the Fargate task that `serving` fits.

    `utilisation` is the share of the sustained rate that traffic uses, as in
    `dollars_per_million`: an idle task draws power too, so less traffic makes each
    prediction dearer. Raises ValueError naming the value and its bound, SizeError if
    no task is large enough, CarbonError for a region without a grid.
    """
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation: {utilisation} is not above 0 and at most 1")
    size = fargate_size(serving.memory_mib, vcpu=serving.vcpu)
    processor = processors()["fargate ARM" if arm else "fargate x86"].at(utilisation)
    watts = size.vcpu * processor + size.memory_gib * memory_watts()
    seconds = 1e6 / (serving.requests_per_second * utilisation)
    kwh = watts * pue() * seconds / 3.6e6
    return PredictionEnergy(kwh, kwh * grams_per_kwh(region))


def _watts(charge: Charge, utilisation: Scale) -> Scale | None:
    """Return watts for each hour that is charged; None for what draws none here."""
    service, item = charge.price.service, charge.price.item
    if service == "Fargate" and item in _FARGATE_ITEMS:
        return _at(processors()[_FARGATE_ITEMS[item]], utilisation)
    if service == "Fargate" and item.startswith("memory"):
        return Scale.always(memory_watts())
    if "managed_instances_fee" in charge.assumptions:  # hours that are charged twice
        return None
    if service in ("EC2", "EC2 Spot"):
        return _instance(item, utilisation)
    return None


def _instance(name: str, utilisation: Scale) -> Scale:
    kind = instance_type(name)
    if kind.family not in processors():
        raise CarbonError(f"{TABLE.name}: processors: no family {kind.family}")
    watts = _at(processors()[kind.family], utilisation) * kind.vcpu
    watts += Scale.always(kind.memory_gib * memory_watts())
    if kind.gpu:
        if kind.gpu not in gpus():
            raise CarbonError(f"{TABLE.name}: gpus: no {kind.gpu}")
        watts += _at(gpus()[kind.gpu], utilisation) * kind.gpus
    return watts


def _at(watts: Watts, utilisation: Scale) -> Scale:
    return Scale.always(watts.idle) + utilisation * (watts.full - watts.idle)


def grams_per_kwh(region: str) -> float:
    """Return the grid's grams of CO2e a kWh; CarbonError names an unknown region."""
    grids = {row["name"]: float(row["grams_per_kwh"]) for row in _table()["grid"]}
    if region not in grids:
        raise CarbonError(
            f"{TABLE.name}: grid: no {region}; there are: {', '.join(grids)}"
        )
    return grids[region]


def pue() -> float:
    """Return what a data centre draws for each watt of its machines."""
    return float(_table()["pue"]["ratio"])


def memory_watts() -> float:
    """Return watts a GiB."""
    return float(_table()["memory"]["watts_per_gb"])


@cache
def processors() -> Mapping[str, Watts]:
    """Return watts a vCPU by instance family, and by "fargate x86" and "fargate ARM"."""
    return dict(_by_family())


@cache
def gpus() -> Mapping[str, Watts]:
    """Return watts a GPU by name, "a10g"."""
    return {row["name"]: _watts_of(row) for row in _table()["gpus"]}


def _by_family() -> Iterator[tuple[str, Watts]]:
    for row in _table()["processors"]:
        for family in row["families"]:
            yield family, _watts_of(row)


def _watts_of(row: Mapping[str, Any]) -> Watts:
    return Watts(float(row["min_watts"]), float(row["max_watts"]))


@cache
def _table() -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return found

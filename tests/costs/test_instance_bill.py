"""What must hold of any group of instances, whatever its types, bounds and markets."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from costs.assembly import AssemblyError
from costs.bill import Line, bill
from costs.reading import read_assembly
from costs.usage import Usage
from tests.costs.conftest import BilledLine
from tests.costs.samples import Resources, write_assembly
from tests.costs.worked.instances import group, managed, provider, tasks
from tests.costs.worked.subjects import scaling, tracking

TYPES = ("c7i.large", "g4dn.xlarge", "g5.xlarge", "g6e.12xlarge")


def line_of(resources: Resources) -> Line:
    with TemporaryDirectory() as folder:
        directory = write_assembly(Path(folder), {"dev": {"dev-one": resources}})
        found = bill(read_assembly(directory), Usage())
    return next(line for line in found.lines if line.logical_id == "It")


@settings(max_examples=60)
@given(
    types=some.lists(some.sampled_from(TYPES), min_size=1, max_size=4, unique=True),
    least=some.integers(0, 5),
    more=some.integers(0, 5),
    base=some.integers(0, 12),
    percent=some.integers(0, 100),
)
def test_a_group_lies_between_its_bounds_and_spot_never_costs_more(
    types: list[str], least: int, more: int, base: int, percent: int
) -> None:
    bounds = {"least": least, "most": least + more}
    mixed = line_of(
        group(
            *types,
            **bounds,
            OnDemandBaseCapacity=base,
            OnDemandPercentageAboveBaseCapacity=percent,
        )
    ).monthly
    bought = line_of(group(*types, **bounds)).monthly
    assert 0 <= mixed.minimum <= mixed.maximum
    assert mixed.minimum <= bought.minimum + 1e-9
    assert mixed.maximum <= bought.maximum + 1e-9


@pytest.mark.parametrize(
    ("wanted", "instances"),
    [
        (tasks(1, cpu=2048, memory=1024), 1),  # half of the vCPU
        (tasks(2, cpu=2048, memory=1024), 1),
        (tasks(3, cpu=2048, memory=1024), 2),
        (tasks(4, cpu=256, memory=4608), 4),  # two do not fit, though half would
        (tasks(3, cpu=256, memory=1024), 1),
    ],
)
def test_what_tasks_take_most_of_decides_how_many_instances_run(
    wanted: Resources, instances: int, billed_line: BilledLine
) -> None:
    one = billed_line(group("c7i.xlarge", least=1)).monthly.minimum
    pool = {**group("c7i.xlarge", least=0, most=9), **provider(), **wanted}
    assert billed_line(pool).monthly.minimum == pytest.approx(instances * one)


def test_a_task_that_fits_the_larger_type_only_names_the_smaller(
    billed_line: BilledLine,
) -> None:
    pool = {
        **group("g5.xlarge", "g5.12xlarge", least=0),
        **provider(),
        **tasks(1, gpus=4),
    }
    with pytest.raises(AssemblyError, match=r"4 GPU: more than the 1 of a g5\.xlarge"):
        billed_line(pool)


def test_a_group_says_what_may_run(billed_line: BilledLine) -> None:
    mixed = group("g5.xlarge", "g4dn.xlarge", OnDemandPercentageAboveBaseCapacity=50)
    assert billed_line(mixed).estimate.detail == (
        "1 to 4 part Spot instances (1 expected), g4dn.xlarge (cheapest) to g5.xlarge (dearest of 2)"
    )
    one = group("g5.xlarge", most=1)
    assert billed_line(one).estimate.detail == "1 instance, g5.xlarge"


def test_instances_that_ecs_manages_grow_with_the_tasks(
    billed_line: BilledLine,
) -> None:
    costs = [
        billed_line({**managed("g5.xlarge"), **tasks(count, gpus=1)}).monthly
        for count in (1, 2, 4)
    ]
    assert costs[1].minimum == pytest.approx(2 * costs[0].minimum)
    assert costs[2].maximum == pytest.approx(4 * costs[0].maximum)


def test_instances_rest_on_what_their_tasks_are_counted_with(
    billed_line: BilledLine,
) -> None:
    service = {"Fn::Join": ["/", ["service", "c", {"Ref": "Service"}]]}
    pool = {
        **group("g5.xlarge"),
        **provider(),
        **tasks(1, gpus=1),
        "S": scaling(1, 4, service),
    }
    charges = billed_line({**pool, "P": tracking(60)}).estimate.charges
    assert {charge.assumptions for charge in charges} == {("requests_per_second",)}
    charges = billed_line(pool).estimate.charges
    assert {charge.assumptions for charge in charges} == {()}

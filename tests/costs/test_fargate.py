from __future__ import annotations

from math import ceil

import pytest

from costs.book import read_book
from costs.fargate import HEADROOM, LADDER, FargateSize, SizeError, fargate_size
from costs.predictions import dollars_per_hour

GIB = 1024
# "Task CPU and memory" of the Amazon ECS developer guide: vCPU, first and last memory
# value and how many there are.
PUBLISHED = [
    (0.25, 512, 2 * GIB, 3),
    (0.5, 1 * GIB, 4 * GIB, 4),
    (1, 2 * GIB, 8 * GIB, 7),
    (2, 4 * GIB, 16 * GIB, 13),
    (4, 8 * GIB, 30 * GIB, 23),
    (8, 16 * GIB, 60 * GIB, 12),
    (16, 32 * GIB, 120 * GIB, 12),
    (32, 60 * GIB, 244 * GIB, 3),
]


@pytest.mark.parametrize(("vcpu", "first", "last", "count"), PUBLISHED)
def test_ladder_is_the_published_table(
    vcpu: float, first: int, last: int, count: int
) -> None:
    memories = [size.memory_mib for size in LADDER if size.vcpu == vcpu]
    assert (memories[0], memories[-1], len(memories)) == (first, last, count)
    assert memories == sorted(set(memories))


def test_ladder_has_no_other_cpu_sizes() -> None:
    assert sorted({size.vcpu for size in LADDER}) == [row[0] for row in PUBLISHED]


@pytest.mark.parametrize(
    ("peak_mib", "vcpu", "size"),
    [
        pytest.param(1, 0.25, FargateSize(256, 512), id="the smallest"),
        pytest.param(409, 0.25, FargateSize(256, 512), id="fits exactly"),
        pytest.param(410, 0.25, FargateSize(256, 1024), id="headroom tips it over"),
        pytest.param(1639, 0.25, FargateSize(512, 3072), id="memory takes more vCPU"),
        pytest.param(240, 1, FargateSize(1024, 2048), id="vCPU brings memory along"),
        pytest.param(240, 1.5, FargateSize(2048, 4096), id="between two vCPU steps"),
        pytest.param(
            50_000, 4, FargateSize(16384, 65536), id="64 GB at 16, not 60 at 32"
        ),
        pytest.param(199_884, 0.25, FargateSize(32768, 249_856), id="the largest"),
    ],
)
def test_picks_the_cheapest_that_fits(
    peak_mib: int, vcpu: float, size: FargateSize
) -> None:
    assert fargate_size(peak_mib, vcpu=vcpu) == size


def test_nothing_cheaper_fits_at_any_peak_and_vcpu() -> None:
    book = read_book("us-east-1")
    priced = sorted(
        (dollars_per_hour(size, book), size.memory_mib, size) for size in LADDER
    )
    edges = {
        ceil(size.memory_mib / HEADROOM) + step
        for size in LADDER
        for step in (-1, 0, 1)
    }
    largest = int(LADDER[-1].memory_mib / HEADROOM)
    for peak in sorted(edge for edge in edges if 1 <= edge <= largest):
        for vcpu in (0.1, 0.25, 0.3, 0.5, 1, 2, 3, 4, 8, 16, 32):
            cheapest = next(
                size
                for _, memory, size in priced
                if memory >= peak * HEADROOM and size.vcpu >= vcpu
            )
            assert fargate_size(peak, vcpu=vcpu) == cheapest, (peak, vcpu)


@pytest.mark.parametrize(
    ("peak_mib", "vcpu", "message"),
    [
        (
            199_886,
            1,
            "serving.memory_mib: 199886 needs 249858 MiB .* above Fargate's 249856",
        ),
        (0, 1, "serving.memory_mib: 0 is not at least 1"),
        (100, 33, "vcpu: 33 is not above 0 and at most 32"),
        (100, 0, "vcpu: 0 is not above 0"),
        (100, float("nan"), "vcpu: nan"),
    ],
)
def test_says_what_does_not_fit(peak_mib: int, vcpu: float, message: str) -> None:
    with pytest.raises(SizeError, match=message):
        fargate_size(peak_mib, vcpu=vcpu)


@pytest.mark.parametrize(
    ("cpu_units", "memory_mib", "message"),
    [
        (512, 512, "memory_mib: 512 is not sold with 512 CPU units: 1024 to 4096"),
        (700, 2048, "cpu_units: 700 is not one of 256, 512, "),
    ],
)
def test_refuses_a_size_that_is_not_sold(
    cpu_units: int, memory_mib: int, message: str
) -> None:
    with pytest.raises(SizeError, match=message):
        FargateSize(cpu_units, memory_mib)

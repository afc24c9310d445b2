from __future__ import annotations

from typing import get_args

import pytest

from costs.book import read_book
from costs.instances import (
    InstanceError,
    InstanceType,
    instance_type,
    instance_types,
)
from manifest import Architecture


def test_a_type_says_what_it_has() -> None:
    found = instance_type("g5.xlarge")
    assert (found.vcpu, found.memory_gib, found.gpus, found.gpu) == (4, 16, 1, "a10g")
    assert (found.architecture, found.family) == ("x86_64", "g5")


def test_an_unknown_type_is_an_error_that_names_it() -> None:
    with pytest.raises(InstanceError, match=r"z9\.huge is not in .*g4dn\.xlarge"):
        instance_type("z9.huge")


@pytest.mark.parametrize("row", instance_types().values(), ids=str)
def test_a_row_is_whole_and_priced(row: InstanceType) -> None:
    assert row.vcpu > 0
    assert row.memory_gib > 0
    assert row.architecture in get_args(Architecture)
    assert bool(row.gpus) == bool(row.gpu) == bool(row.gpu_memory_mib)
    assert row.source.startswith("https://")
    assert row.as_of
    assert read_book("us-east-1").price("EC2", row.name).usd > 0

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.account import Account
from rehearsal.assembly import Stack
from rehearsal.inspection import Deployed, Inspection
from rehearsal.leftovers import left_behind
from rehearsal.readers import read
from tests.rehearsal.conftest import resource

KIND = "AWS::SSM::Parameter"


@pytest.fixture
def parameter(emulator: Account) -> Iterator[str]:
    ssm = emulator.client("ssm")
    ssm.put_parameter(Name="/lathe/left", Value="v", Type="String", Overwrite=True)
    yield "/lathe/left"
    if read(emulator, KIND, "/lathe/left", {}):
        ssm.delete_parameter(Name="/lathe/left")


def _inspection(account: Account, name: str, retained: bool) -> Inspection:
    reading = read(account, KIND, name, {})
    assert reading
    deployed = Deployed(resource(KIND, {}, retained), name, {}, reading)
    environment = "aws://unknown-account/unknown-region"
    stack = Stack("dev-plain", "dev/plain", environment, {}, (deployed.resource,))
    return Inspection(stack, "CREATE_COMPLETE", (deployed,), ())


@pytest.mark.parametrize(
    ("retained", "deleted", "expected", "found"),
    [(False, False, "gone", "kept"), (True, True, "kept", "gone")],
)
def test_what_stays_or_goes_against_its_template_is_a_difference(
    emulator: Account,
    parameter: str,
    retained: bool,
    deleted: bool,
    expected: str,
    found: str,
) -> None:
    inspection = _inspection(emulator, parameter, retained)
    if deleted:
        emulator.client("ssm").delete_parameter(Name=parameter)
    (finding,) = left_behind(emulator, (inspection,)).findings
    assert (finding.property, finding.expected) == ("after destroy", expected)
    assert finding.found == found


def test_what_stays_as_its_template_asks_is_named(
    emulator: Account, parameter: str
) -> None:
    left = left_behind(emulator, (_inspection(emulator, parameter, True),))
    assert left.retained == ("dev-plain Thing (AWS::SSM::Parameter)",)
    assert (left.removed, left.findings) == (0, ())


def test_what_is_gone_is_counted(emulator: Account, parameter: str) -> None:
    inspection = _inspection(emulator, parameter, False)
    emulator.client("ssm").delete_parameter(Name=parameter)
    left = left_behind(emulator, (inspection,))
    assert (left.removed, left.findings) == (1, ())

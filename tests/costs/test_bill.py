from __future__ import annotations

import csv
import io
import json

import pytest

from costs.assembly import AssemblyError
from costs.bill import bill
from costs.book import PriceError
from costs.markdown import bill_markdown
from costs.reading import read_assembly
from costs.records import bill_json
from costs.scale import Scale
from costs.sheet import bill_csv
from costs.subtotals import subtotals
from costs.text import bill_text
from costs.usage import Usage
from tests.costs.conftest import Billed, MatchesGolden
from tests.costs.samples import endpoint, network, resource, stages, write_assembly


def test_text_is_the_reviewed_one(
    billed: Billed, matches_golden: MatchesGolden
) -> None:
    matches_golden(bill_text(billed(stages()), "Bill of cdk.out"), "bill.txt")


def test_markdown_is_the_reviewed_one(
    billed: Billed, matches_golden: MatchesGolden
) -> None:
    matches_golden(bill_markdown(billed(stages()), "Bill of cdk.out"), "bill.md")


def test_json_has_every_resource_its_charges_and_their_sources(billed: Billed) -> None:
    found = billed(stages())
    record = json.loads(bill_json(found))
    (dev,) = record["stages"]
    lines = [line for stack in dev["stacks"] for line in stack["resources"]]
    assert len(lines) == len(found.lines)
    assert record["monthly_usd"]["maximum"] == pytest.approx(
        sum(line["monthly_usd"]["maximum"] for line in lines), abs=1e-3
    )
    charges = [charge for line in lines for charge in line["charges"]]
    assert all(charge["source"] and charge["as_of"] for charge in charges)
    rests_on = {name for charge in charges for name in charge["assumptions"]}
    assert rests_on == record["assumptions"].keys()


def test_a_sheet_has_a_row_for_each_charge_and_each_free_resource(
    billed: Billed,
) -> None:
    found = billed(stages())
    rows = list(csv.DictReader(io.StringIO(bill_csv(found))))
    charges = [charge for line in found.lines for charge in line.estimate.charges]
    assert len(rows) == len(charges) + sum(line.is_free for line in found.lines)
    for end in ("minimum", "expected", "maximum"):
        total = sum(float(row[f"usd_{end}"]) for row in rows)
        assert total == pytest.approx(getattr(found.monthly, end), abs=1e-4)
    service = next(row for row in rows if row["item"] == "vCPU x86")
    assert service["model"] == "sentiment"
    assert service["assumptions"] == "requests_per_second"
    assert float(service["quantity_expected"]) == 2 * 0.5 * 730


def test_an_endpoint_costs_what_its_stack_costs(billed: Billed) -> None:
    found = billed(stages())
    (endpoint_,) = found.endpoints
    assert (endpoint_.name, endpoint_.release.model) == ("dev/sentiment", "sentiment")
    own = [line.monthly for line in found.lines if line.stack == "dev-endpoint"]
    assert endpoint_.monthly == Scale.total(own)
    title, members = next(subtotals(found, ()))
    assert title == "by endpoint"
    assert Scale.total(usd for _, usd in members).ends == pytest.approx(
        found.monthly.ends
    )


def test_a_million_predictions_cost_nothing_known_where_nobody_asks(
    billed: Billed,
) -> None:
    nobody = Usage(requests_per_second=Scale.always(0))
    assert billed(stages(), nobody).endpoints[0].expected is None


def test_a_tag_adds_up_to_the_whole_bill(billed: Billed) -> None:
    found = billed(stages())
    *_, (title, members) = subtotals(found, ["model"])
    assert title == "by tag model"
    assert dict(members)["sentiment"].expected > dict(members)["(not tagged)"].expected
    assert Scale.total(usd for _, usd in members).ends == pytest.approx(
        found.monthly.ends
    )
    assert "by tag model" in bill_text(found, "", ["model"])
    assert "*by tag model*" in bill_markdown(found, "", ["model"])


def test_every_resource_is_on_the_bill(billed: Billed) -> None:
    found = billed(stages())
    assert len(found.lines) == len(network()) + len(endpoint()["Resources"]) + 2


def test_a_bill_is_the_sum_of_its_stacks(billed: Billed) -> None:
    (stacks,) = stages().values()
    network_, endpoint_, registry_ = stacks.items()
    apart = [
        billed({"dev": dict(part)}).monthly
        for part in ([network_, endpoint_], [registry_])
    ]
    whole = billed(stages()).monthly
    assert whole.ends == pytest.approx(Scale.total(apart).ends)


def test_zones_of_a_network_that_is_there_are_counted_by_its_ids(
    billed: Billed,
) -> None:
    """Nothing of it is in the templates but a list of ids that a stage writes."""
    ids = "subnet-0a,subnet-0b,subnet-0c"
    lists = {
        name: resource("SSM::Parameter", Name=f"/lathe/dev/{name}", Value=value)
        for name, value in (("tasks", "subnet-0d"), ("balancers", ids))
    }
    parameter = {
        "Type": "AWS::SSM::Parameter::Value<List<String>>",
        "Default": "/lathe/dev/balancers",
    }
    balancer = resource(
        "ElasticLoadBalancingV2::LoadBalancer", Subnets={"Ref": "Balancers"}
    )
    found = billed(
        {
            "dev": {
                "dev-network": lists,
                "dev-endpoint": {
                    "Parameters": {"Balancers": parameter},
                    "Resources": {"It": balancer},
                },
            }
        }
    )
    (line,) = (line for line in found.lines if line.logical_id == "It")
    assert line.estimate.detail.endswith("3 zones")


def test_a_model_pays_for_what_carries_its_tag_and_for_what_cannot(
    billed: Billed,
) -> None:
    tags = [{"Key": "model", "Value": "sentiment"}]
    found = billed(
        {
            "dev": {
                "dev-one": {
                    "Its": resource("SNS::Topic", Tags=tags),
                    "ItsToo": resource("CloudWatch::Dashboard"),
                    "Shared": resource(
                        "S3::Bucket", Tags=[{"Key": "stage", "Value": "dev"}]
                    ),
                },
                "dev-two": {"Nobodys": resource("CloudWatch::Dashboard")},
            }
        }
    )
    assert {line.logical_id: line.model for line in found.lines} == {
        "Its": "sentiment",
        "ItsToo": "sentiment",
        "Shared": "",
        "Nobodys": "",
    }
    (model,) = json.loads(bill_json(found))["models"]
    assert model["monthly_usd"]["minimum"] == pytest.approx(3, abs=0.01)


def test_what_cannot_be_tagged_is_nobodys_where_models_share_a_stack(
    billed: Billed,
) -> None:
    found = billed(
        {
            "dev": {
                "dev-one": {
                    "A": resource("SNS::Topic", Tags={"model": "a"}),
                    "B": resource("SNS::Topic", Tags={"model": "b"}),
                    "C": resource("CloudWatch::Dashboard"),
                }
            }
        }
    )
    assert [line.model for line in found.lines] == ["a", "b", ""]


def test_more_tasks_never_cost_less(billed: Billed) -> None:
    bills = [billed(stages(most=most)).monthly for most in (1, 2, 10)]
    assert bills[0].maximum < bills[1].maximum < bills[2].maximum
    assert bills[0].minimum == bills[1].minimum == bills[2].minimum
    assert (
        bills[0].expected < bills[1].expected == bills[2].expected
    )  # two are asked for


def test_an_unknown_type_is_an_error_that_names_it(billed: Billed) -> None:
    with pytest.raises(AssemblyError) as refused:
        billed({"dev": {"dev-odd": {"Qubits": resource("Braket::Device")}}})
    message = str(refused.value)
    assert "AWS::Braket::Device" in message
    assert "Qubits" in message
    assert "dev-odd" in message


def test_a_custom_resource_is_priced_as_the_function_that_answers_it(
    billed: Billed,
) -> None:
    found = billed(
        {
            "dev": {
                "dev-one": {
                    "Empty": {"Type": "Custom::S3AutoDeleteObjects"},
                    "Answer": resource("Lambda::Function"),
                }
            }
        }
    )
    free, priced = found.lines
    assert free.is_free
    assert free.estimate.detail == "its function is priced"
    assert priced.monthly.minimum > 0


def test_names_the_prices_that_should_be_checked(billed: Billed) -> None:
    arm = {"Type": "ARM_CONTAINER", "ComputeType": "BUILD_GENERAL1_LARGE"}
    project = resource("CodeBuild::Project", Environment=arm)
    doubtful = billed({"dev": {"dev-build": {"Project": project}}})
    for text in (bill_text(doubtful, ""), bill_markdown(doubtful, "")):
        assert "To check: CodeBuild arm1.large: DOUBT: " in text
    assert "To check" not in bill_text(billed(stages()), "")


def test_names_the_stack_whose_region_has_no_prices(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    where = "aws://unknown-account/eu-south-2"
    directory = tmp_path_factory.mktemp("cdk.out")
    assembly = read_assembly(write_assembly(directory, stages(), environment=where))
    with pytest.raises(
        PriceError, match=r"stack dev-network: no price book .*eu-south-2"
    ):
        bill(assembly, Usage())


def test_names_a_parameter_that_no_stack_writes(billed: Billed) -> None:
    with pytest.raises(AssemblyError) as refused:
        billed({"dev": {"dev-endpoint": endpoint()}})
    assert "dev-endpoint: Balancer" in str(refused.value)
    assert "Subnets" in str(refused.value)
    assert "/lathe/dev/subnets" in str(refused.value)

"""What MiniStack's CloudFormation leaves out of a function, and its Lambda keeps."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.handlers.baked import is_missing
from rehearsal.handlers.handler import Created, Native, Properties


def complete(account: Account, native: Native) -> Native:
    """Refuse code that nobody published, as Lambda would; set network and concurrency."""

    def create(name: str, given: Properties, stack: str) -> Created:
        check(account, given)
        function, known = native(name, given, stack)
        client = account.client("lambda")
        found = client.get_function_configuration(FunctionName=function)
        if not found["CodeSize"] and found["PackageType"] == "Zip":
            raise ValueError(f"Code: nothing at {given['Code']}")
        if "VpcConfig" in given:
            client.update_function_configuration(
                FunctionName=function, VpcConfig=given["VpcConfig"]
            )
        if "ReservedConcurrentExecutions" in given:
            client.put_function_concurrency(
                FunctionName=function,
                ReservedConcurrentExecutions=given["ReservedConcurrentExecutions"],
            )
        return function, known

    return create


def check(account: Account, given: Properties) -> None:
    """Refuse an image that is not in its repository; an update of a function does, too."""
    image = given["Code"].get("ImageUri")
    if image and is_missing(account, image):
        raise ValueError(
            f"InvalidParameterValueError: Source image {image} is not there"
        )


def keep_warm(account: Account, native: Native) -> Native:
    """A version's provisioned concurrency."""

    def create(name: str, given: Properties, stack: str) -> Created:
        arn, known = native(name, given, stack)
        if config := given.get("ProvisionedConcurrencyConfig"):
            account.client("lambda").put_provisioned_concurrency_config(
                FunctionName=given["FunctionName"],
                Qualifier=known["Version"],
                ProvisionedConcurrentExecutions=int(
                    config["ProvisionedConcurrentExecutions"]
                ),
            )
        return arn, known

    return create

"""What MiniStack's CloudFormation leaves out of a function, and its Lambda keeps."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.handlers.handler import Created, Native, Properties


def complete(account: Account, native: Native) -> Native:
    """Refuse code that nobody published, as Lambda would; set network and concurrency."""

    def create(name: str, given: Properties, stack: str) -> Created:
        function, known = native(name, given, stack)
        client = account.client("lambda")
        found = client.get_function_configuration(FunctionName=function)
        if not found["CodeSize"]:
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

"""A real prediction: of the real server process, by the way that callers come in."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.server import ServerError, litert_command, serve
from manifest import Manifest
from rehearsal.account import Account, RehearsalError
from rehearsal.inspection import Deployed, Inspection
from rehearsal.invocation import invoke
from rehearsal.result import Finding
from rehearsal.submission import submit
from rehearsal.verdict import finding

TEXTS = ("my order never came", "thank you, solved in a minute")
_HOST = "127.0.0.1"
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Served:
    """A server process on loopback that answers as one release."""

    manifest: Manifest
    port: int
    directory: Path  # its artifact


@dataclass(frozen=True)
class Door:
    """Where callers of a service come in, on the production side."""

    host: str  # the load balancer's name and the listener's port
    headers: Mapping[str, str]  # that the rule wants, a key for example


@contextmanager
def serving(artifact: Path, manifest: Manifest, directory: Path) -> Iterator[Served]:
    """Run containers.flask on the artifact's files under a release's name and version.

    Raises RehearsalError with the server's last words if it does not start.
    """
    directory.mkdir()
    for path in artifact.iterdir():
        if path.name != "manifest.json":
            (directory / path.name).symlink_to(path.resolve())
    (directory / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    try:
        with serve(litert_command(directory, python=Path(sys.executable))) as server:
            yield Served(manifest, server.port, directory)
    except ServerError as error:
        raise RehearsalError(f"the server of {artifact}: {error}") from error


def predict(
    account: Account, inspections: tuple[Inspection, ...], served: Served
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Ask each service that runs the release, through its load balancer or its queue.

    The server is registered as the service's target, which ECS would do with its task.
    A function is asked as its address would.
    Returns a line for each answer that is the server's own, and what differs.
    """
    lines: list[str] = []
    findings: list[Finding] = []
    for inspection in inspections:
        where = account.at(inspection.stack.environment)
        for function in _functions(inspection, served.manifest):
            said, wrong = _invoked(where, inspection, served)
            findings += [finding(function.resource, *each) for each in wrong]
            lines += [said] if not wrong else []
        for service in _services(inspection, served.manifest):
            if not _is_balanced(service):
                asked, wrong = _submitted(where, inspection, service, served)
                findings += [finding(service.resource, *each) for each in wrong]
                lines += [asked] if not wrong else []
                continue
            door = _register(where, inspection, service, served.port)
            wrong = list(_knock(account, door, served))
            for what, expected, found in wrong:
                findings.append(finding(service.resource, what, expected, found))
            if not wrong:
                keyed = f"; refused without {', '.join(door.headers)}"
                version = served.manifest.version
                said = f"{inspection.stack.name} answered as {version}"
                lines.append(said + (keyed if door.headers else ""))
    return tuple(lines), tuple(findings)


def _is_balanced(service: Deployed) -> bool:
    return bool(service.reading and service.reading.properties.get("LoadBalancers"))


def _submitted(
    account: Account, inspection: Inspection, service: Deployed, served: Served
) -> tuple[str, list[tuple[str, object, object]]]:
    """Submit, have it answered, and compare with what the server says directly."""
    name, version = served.manifest.name, served.manifest.version
    _, direct = _ask(f"http://{_HOST}:{served.port}", name, {})
    told = submit(
        account,
        inspection,
        service,
        model=name,
        artifact=served.directory,
        texts=TEXTS,
    )
    said = f"{inspection.stack.name} answered a submission as {version}"
    found = {key: told.get(key) for key in direct}
    if found == direct and told.get("state") == "done":
        return said, []
    return said, [("submission", direct, told)]


def _invoked(
    account: Account, inspection: Inspection, served: Served
) -> tuple[str, list[tuple[str, object, object]]]:
    """Call, and compare with what the server says directly."""
    name, version = served.manifest.name, served.manifest.version
    direct = _ask(f"http://{_HOST}:{served.port}", name, {})
    found = invoke(
        account, inspection, model=name, artifact=served.directory, texts=TEXTS
    )
    said = f"{inspection.stack.name} answered a call of its function as {version}"
    right = found == direct and found[0] == 200 and found[1].get("version") == version
    return said, [] if right else [("call", direct, found)]


def _knock(
    account: Account, door: Door, served: Served
) -> Iterator[tuple[str, object, object]]:
    """Yield what is not as it should be: the answer, or one without the rule's key."""
    name, version = served.manifest.name, served.manifest.version
    direct = _ask(f"http://{_HOST}:{served.port}", name, {})
    found = _ask(account.endpoint, name, {"Host": door.host, **door.headers})
    port = door.host.split(":")[-1]
    if found != direct or found[0] != 200 or found[1].get("version") != version:
        yield f"prediction at port {port}", direct, found
    if door.headers:
        status, _ = _ask(account.endpoint, name, {"Host": door.host})
        if status not in (401, 403):
            yield f"prediction at port {port} without a key", "401 or 403", status


def _services(inspection: Inspection, manifest: Manifest) -> Iterator[Deployed]:
    """Services whose task definition names the release's image for Flask."""
    image = f"/lathe/{manifest.name}/flask:{manifest.image_tag}"
    arns = {arn for name, arn in inspection.images.items() if name.endswith(image)}
    for item in inspection.deployed:
        if item.resource.type != "AWS::ECS::Service" or not item.reading:
            continue
        if item.reading.properties["TaskDefinition"] in arns:
            yield item


def _functions(inspection: Inspection, manifest: Manifest) -> Iterator[Deployed]:
    """Functions that run the release's image."""
    image = f"/lathe/{manifest.name}/flask:{manifest.image_tag}-function"
    arns = {arn for name, arn in inspection.images.items() if name.endswith(image)}
    for item in inspection.deployed:
        if item.resource.type == "AWS::Lambda::Function" and item.physical_id in arns:
            yield item


def others(inspections: tuple[Inspection, ...]) -> Iterator[str]:
    """Name the stacks with a service that no server of ours can answer for."""
    for inspection in inspections:
        if inspection.images and not any("/flask:" in i for i in inspection.images):
            yield inspection.stack.name


def _register(
    account: Account, inspection: Inspection, service: Deployed, port: int
) -> Door:
    """Make the server the only target of the service's production side."""
    assert service.reading
    elb = account.client("elbv2")
    group = service.reading.properties["LoadBalancers"][0]["targetGroupArn"]
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": _HOST}])
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": _HOST, "Port": port}])
    doors = (
        _door(elb, item.physical_id, group)
        for item in inspection.deployed
        if item.resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    )
    found = next((door for door in doors if door), None)
    if found is None:
        raise RehearsalError(f"{inspection.stack.name}: no listener leads to {group}")
    return found


def _door(elb: Any, balancer: str, group: str) -> Door | None:
    """The listener with the lowest port whose rule forwards to the group."""
    answer = elb.describe_load_balancers(LoadBalancerArns=[balancer])
    name = answer["LoadBalancers"][0]["DNSName"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    for listener in sorted(listeners, key=lambda each: int(each["Port"])):
        arn = listener["ListenerArn"]
        for rule in elb.describe_rules(ListenerArn=arn)["Rules"]:
            if group in json.dumps(rule["Actions"]):
                return Door(f"{name}:{listener['Port']}", _headers(rule))
    return None


def _headers(rule: Mapping[str, Any]) -> dict[str, str]:
    """What a caller must send so that the rule is his."""
    wanted = [condition.get("HttpHeaderConfig") for condition in rule["Conditions"]]
    return {each["HttpHeaderName"]: each["Values"][0] for each in wanted if each}


def _ask(
    address: str, model: str, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """Return the status and the JSON of a prediction."""
    assert urlsplit(address).scheme == "http"
    body = json.dumps({"instances": TEXTS}).encode()
    kind = {"Content-Type": "application/json", **headers}
    url = f"{address}/v1/models/{model}:predict"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(
            urllib.request.Request(url, body, kind), timeout=_TIMEOUT_S
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {"error": error.read().decode(errors="replace")}
    except (OSError, ValueError) as error:
        return 0, {"error": str(error)}

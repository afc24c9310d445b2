"""Instances that tasks run on, read back from Auto Scaling and EC2."""

from __future__ import annotations

from rehearsal.account import Account
from rehearsal.readers.reading import AtLeast, Properties, Reading, the_only

_GROUP = [
    "AutoScalingGroupName",
    "CapacityRebalance",
    "DefaultInstanceWarmup",
    "HealthCheckGracePeriod",
    "HealthCheckType",
    "LaunchTemplate",
    "MaxInstanceLifetime",
    "MaxSize",
    "MinSize",
    "MixedInstancesPolicy",
    "NewInstancesProtectedFromScaleIn",
]


def group(account: Account, id_: str, given: Properties) -> Reading:
    """What MiniStack leaves out of its answer is not vouched for."""
    scaling = account.client("autoscaling")
    answer = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[id_])
    found = the_only(answer["AutoScalingGroups"])
    zones = [zone for zone in found.get("VPCZoneIdentifier", "").split(",") if zone]
    arn = found["AutoScalingGroupARN"]
    return Reading(
        {name: found[name] for name in _GROUP if name in found}
        | {"VPCZoneIdentifier": zones, "Tags": AtLeast(found.get("Tags", []))},
        {"Arn": arn, "AutoScalingGroupARN": arn},
    )


def lifecycle_hook(account: Account, id_: str, given: Properties) -> Reading:
    name = given["AutoScalingGroupName"]
    answer = account.client("autoscaling").describe_lifecycle_hooks(
        AutoScalingGroupName=name
    )
    asked = given["LifecycleTransition"]
    hooks = [h for h in answer["LifecycleHooks"] if h["LifecycleTransition"] == asked]
    found = the_only(hooks)
    return Reading({key: value for key, value in found.items() if key in given})


def launch_template(account: Account, id_: str, given: Properties) -> Reading:
    ec2 = account.client("ec2")
    every = ec2.describe_launch_templates(LaunchTemplateIds=[id_])["LaunchTemplates"]
    found = the_only(every)
    latest = ec2.describe_launch_template_versions(
        LaunchTemplateId=id_, Versions=["$Latest"]
    )
    data = the_only(latest["LaunchTemplateVersions"])["LaunchTemplateData"]
    properties = {"LaunchTemplateName": found["LaunchTemplateName"]}
    # Vouched for as a whole, where MiniStack keeps all that was asked for.
    if given.get("LaunchTemplateData", {}).keys() <= data.keys():
        properties["LaunchTemplateData"] = data
    return Reading(
        properties,
        {
            "DefaultVersionNumber": str(found["DefaultVersionNumber"]),
            "LatestVersionNumber": str(found["LatestVersionNumber"]),
            "LaunchTemplateId": id_,
        },
    )

"""Logs, alarms, metrics and dashboards."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.samples import resource
from tests.costs.worked.subjects import Cases, always, one

CASES: Cases = {
    "a log group kept a year": (
        one("Logs::LogGroup", RetentionInDays=365),
        always(0.1 * 0.5 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "a log group kept for ever": (
        one("Logs::LogGroup"),
        always(0.1 * 0.5 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "an infrequent-access log group": (
        one("Logs::LogGroup", LogGroupClass="INFREQUENT_ACCESS", RetentionInDays=365),
        always(0.1 * 0.25 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "a flow log's group": (
        {
            **one("Logs::LogGroup"),
            "F": resource("EC2::FlowLog", LogGroupName={"Ref": "It"}),
        },
        Scale(*(gb * 12 * 0.15 * 0.03 for gb in (1, 3, 10))),
    ),
    "a log of tasks that report metrics by it": (
        {
            **one("Logs::LogGroup", RetentionInDays=365),
            "T": resource(
                "ECS::TaskDefinition",
                ContainerDefinitions=[
                    {
                        "Environment": [{"Name": "METRICS", "Value": "emf"}],
                        "LogConfiguration": {"Options": {"g": {"Ref": "It"}}},
                    }
                ],
            ),
        },
        Scale(*(gb * (0.5 + 12 * 0.15 * 0.03) + 8 * 0.3 for gb in (0.1, 0.2, 0.5))),
    ),
    "a log beside one that tasks report metrics by": (
        {
            **one("Logs::LogGroup", RetentionInDays=365),
            "Other": resource("Logs::LogGroup"),
            "T": resource(
                "ECS::TaskDefinition",
                ContainerDefinitions=[
                    {
                        "Environment": [{"Name": "METRICS", "Value": "emf"}],
                        "LogConfiguration": {"Options": {"g": {"Ref": "Other"}}},
                    }
                ],
            ),
        },
        always(0.1 * 0.5 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "an alarm": (one("CloudWatch::Alarm", MetricName="p99", Period=60), always(0.1)),
    "a fast alarm": (
        one("CloudWatch::Alarm", MetricName="p99", Period=10),
        always(0.3),
    ),
    "an alarm on a quotient": (
        one(
            "CloudWatch::Alarm",
            Metrics=[
                {"Expression": "a/b"},
                {"MetricStat": {"Period": 60}},
                {"MetricStat": {"Period": 60}},
            ],
        ),
        always(0.2),
    ),
    "an anomaly alarm": (
        one(
            "CloudWatch::Alarm",
            ThresholdMetricId="band",
            Metrics=[{"Expression": "BAND"}, {"MetricStat": {"Period": 60}}],
        ),
        always(0.3),
    ),
    "a composite alarm": (one("CloudWatch::CompositeAlarm"), always(0.5)),
    "a dashboard": (one("CloudWatch::Dashboard"), always(3)),
    "a metric filter": (
        one("Logs::MetricFilter", MetricTransformations=[{}, {}]),
        always(0.6),
    ),
    "target tracking": (
        one(
            "ApplicationAutoScaling::ScalingPolicy", PolicyType="TargetTrackingScaling"
        ),
        always(0.2),
    ),
    "step scaling": (
        one("ApplicationAutoScaling::ScalingPolicy", PolicyType="StepScaling"),
        always(0),
    ),
}

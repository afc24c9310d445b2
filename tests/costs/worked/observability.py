"""Logs, alarms, metrics and dashboards."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.samples import resource
from tests.costs.worked.subjects import Cases, both, one

CASES: Cases = {
    "a log group kept a year": (
        one("Logs::LogGroup", RetentionInDays=365),
        both(0.1 * 0.5 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "a log group kept for ever": (
        one("Logs::LogGroup"),
        both(0.1 * 0.5 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "an infrequent-access log group": (
        one("Logs::LogGroup", LogGroupClass="INFREQUENT_ACCESS", RetentionInDays=365),
        both(0.1 * 0.25 + 0.1 * 12 * 0.15 * 0.03),
    ),
    "a flow log's group": (
        {
            **one("Logs::LogGroup"),
            "F": resource("EC2::FlowLog", LogGroupName={"Ref": "It"}),
        },
        Scale(1 * 12 * 0.15 * 0.03, 10 * 12 * 0.15 * 0.03),
    ),
    "an alarm": (one("CloudWatch::Alarm", MetricName="p99", Period=60), both(0.1)),
    "a fast alarm": (one("CloudWatch::Alarm", MetricName="p99", Period=10), both(0.3)),
    "an alarm on a quotient": (
        one(
            "CloudWatch::Alarm",
            Metrics=[
                {"Expression": "a/b"},
                {"MetricStat": {"Period": 60}},
                {"MetricStat": {"Period": 60}},
            ],
        ),
        both(0.2),
    ),
    "an anomaly alarm": (
        one(
            "CloudWatch::Alarm",
            ThresholdMetricId="band",
            Metrics=[{"Expression": "BAND"}, {"MetricStat": {"Period": 60}}],
        ),
        both(0.3),
    ),
    "a composite alarm": (one("CloudWatch::CompositeAlarm"), both(0.5)),
    "a dashboard": (one("CloudWatch::Dashboard"), both(3)),
    "a metric filter": (
        one("Logs::MetricFilter", MetricTransformations=[{}, {}]),
        both(0.6),
    ),
    "target tracking": (
        one(
            "ApplicationAutoScaling::ScalingPolicy", PolicyType="TargetTrackingScaling"
        ),
        both(0.2),
    ),
    "step scaling": (
        one("ApplicationAutoScaling::ScalingPolicy", PolicyType="StepScaling"),
        both(0),
    ),
}

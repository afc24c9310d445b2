"""What no rule pack sees: two resources, each right, that do not fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from checks.deployed import Deployed
from checks.finding import Finding
from checks.wiring import bounds, buckets, doors, names, pools, roles, services

CHECKS: tuple[Callable[[Deployed], Iterator[Finding]], ...] = (
    services.containers_are_those_of_the_task,
    services.target_groups_fit_the_task,
    services.health_is_asked_where_the_runtime_answers,
    services.shifting_services_have_two_target_groups,
    pools.capacity_providers_are_the_clusters,
    pools.gpus_are_asked_for_where_they_are,
    doors.priorities_are_taken_once,
    doors.target_groups_are_filled_and_asked,
    doors.balancers_reach_their_tasks,
    doors.only_public_balancers_are_open,
    doors.balancers_give_up_before_servers_do,
    roles.tasks_may_start,
    roles.hooks_may_be_called,
    roles.builds_may_write_their_logs,
    roles.functions_log_where_they_may,
    roles.keys_are_named_by_alias,
    names.parameters_that_are_read_are_written,
    names.images_come_from_our_repositories,
    names.services_run_in_a_cluster_of_their_stage,
    names.alarms_that_roll_back_exist,
    names.nothing_is_exported,
    names.nothing_runs_while_it_is_deployed,
    bounds.minimum_is_no_more_than_maximum,
    bounds.what_is_scaled_is_there,
    bounds.services_scale,
    bounds.every_stage_has_its_budget,
    buckets.buckets_refuse_plain_http,
)


def wiring(deployed: Deployed) -> Iterator[Finding]:
    """Yield what does not fit, in the order of the checks."""
    for check in CHECKS:
        yield from check(deployed)

"""What a user would lose: a run called good that was not, or a run given up that was still going."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from airflow_provider_pai_designer.designer.run import (
    RUN_NAME_LIMIT,
    Instance,
    InstanceStatus,
    Outcome,
    Run,
    TaskType,
    is_full_and_ended,
    next_part,
    read_run_name,
    read_status,
    read_task_type,
    run_name,
    run_outcome,
    run_stem,
    with_part,
)


def dates(count: int, status: InstanceStatus, *, first: int = 1) -> list[Instance]:
    """An instance for each remote DAG, one a business date."""
    return [instance(id=100 + number, remote_dag_id=number, status=status) for number in range(first, first + count)]


def test_a_look_at_a_long_backfill_reads_the_next_dates_and_by_turns_the_others() -> None:
    run = Run(
        name="r", node_id=2, environment="DEV", business_date=date(2026, 1, 1), remote_dag_ids=tuple(range(1, 31))
    )
    known: tuple[Instance, ...] = ()
    looks, after = [], 0
    for _ in range(5):
        part = next_part(run, known, after=after)
        looks.append(part.remote_dag_ids)
        after = part.remote_dag_ids[-1]
        known = with_part(
            known,
            part,
            [item for item in dates(30, InstanceStatus.NOT_RUN) if item.remote_dag_id in part.remote_dag_ids],
        )
    assert {dag_ids[:5] for dag_ids in looks} == {(1, 2, 3, 4, 5)}
    assert [dag_id for dag_ids in looks for dag_id in dag_ids[5:]] == list(range(6, 31))
    assert len(known) == 30


def test_what_has_ended_is_not_read_again_and_then_the_next_look_need_not_wait() -> None:
    run = Run(
        name="r", node_id=2, environment="DEV", business_date=date(2026, 1, 1), remote_dag_ids=tuple(range(1, 31))
    )
    part = next_part(run, ())
    known = with_part((), part, dates(10, InstanceStatus.SUCCESS))
    assert is_full_and_ended(part, known)
    assert next_part(run, known).remote_dag_ids == tuple(range(11, 21))
    assert not is_full_and_ended(part, [*dates(9, InstanceStatus.SUCCESS), *dates(1, InstanceStatus.RUNNING, first=10)])
    assert not is_full_and_ended(part, dates(9, InstanceStatus.SUCCESS))
    everything = dates(30, InstanceStatus.SUCCESS)
    assert with_part(everything, next_part(run, everything), ()) == tuple(everything)


def test_dates_that_the_service_has_forgotten_are_no_end() -> None:
    run = Run(name="r", node_id=2, environment="DEV", business_date=date(2026, 1, 1), remote_dag_ids=(1, 2))
    known = [*dates(1, InstanceStatus.SUCCESS), *dates(1, InstanceStatus.RUNNING, first=2)]
    assert with_part(known, next_part(run, known), ()) == ()


def instance(**changes: Any) -> Instance:
    values: dict[str, Any] = {
        "id": 1,
        "node_id": 2,
        "node_name": "node",
        "remote_dag_id": 3,
        "status": InstanceStatus.SUCCESS,
        "task_type": TaskType.NORMAL,
        "business_date": date(2026, 11, 22),
    }
    return Instance(**{**values, **changes})


@pytest.mark.parametrize("text", ["SUCCESS", "SUCCESS(6)", "success (6)", "6", 6])
def test_every_way_to_print_a_status_is_read(text: object) -> None:
    assert read_status(text) is InstanceStatus.SUCCESS


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("NORMAL(0)", TaskType.NORMAL),
        ("0", TaskType.NORMAL),
        ("SKIP_CYCLE(5)", TaskType.SKIP_CYCLE),
        (3, TaskType.SKIP),
    ],
)
def test_every_way_to_print_a_task_type_is_read(printed: object, expected: TaskType) -> None:
    assert read_task_type(printed) is expected


@pytest.mark.parametrize("text", ["DONE", "", None, "SUCCESSFUL", "6.0", "UNKNOWN"])
def test_an_unknown_status_is_never_an_end(text: object) -> None:
    assert instance(status=read_status(text)).outcome is Outcome.ACTIVE


@pytest.mark.parametrize("text", ["NEW_KIND(9)", "", None])
def test_an_unknown_task_type_is_never_a_success(text: object) -> None:
    assert instance(task_type=read_task_type(text)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("kind", [kind for kind in TaskType if kind.name.startswith(("SKIP", "CONDITION", "REAL"))])
def test_a_dry_run_is_not_the_run_that_was_asked_for(kind: TaskType) -> None:
    assert instance(task_type=kind).outcome is Outcome.DRY_RUN


@pytest.mark.parametrize(
    ("reruns_left", "expected"), [(2, Outcome.ACTIVE), (0, Outcome.FAILURE), (None, Outcome.FAILURE)]
)
def test_a_failure_that_dataworks_will_rerun_is_no_end(reruns_left: int | None, expected: Outcome) -> None:
    assert instance(status=InstanceStatus.FAILURE, reruns_left=reruns_left).outcome is expected


def test_a_frozen_instance_says_so() -> None:
    frozen = instance(status=InstanceStatus.FAILURE, task_type=TaskType.PAUSE, reruns_left=3)
    assert frozen.outcome is Outcome.FROZEN


def test_a_run_without_instances_is_young() -> None:
    assert run_outcome([]) is Outcome.ACTIVE


def test_a_run_is_over_when_its_last_instance_is() -> None:
    good, bad = instance(), instance(status=InstanceStatus.FAILURE)
    assert run_outcome([good, bad, instance(status=InstanceStatus.RUNNING)]) is Outcome.ACTIVE
    assert run_outcome([good, bad]) is Outcome.FAILURE
    assert run_outcome([good, instance(task_type=TaskType.SKIP)]) is Outcome.DRY_RUN
    assert run_outcome([good, good]) is Outcome.SUCCESS


def test_a_run_survives_its_way_through_json() -> None:
    run = Run(name="n", node_id=1, environment="DEV", business_date=date(2026, 1, 2), remote_dag_ids=(5, 6))
    assert Run.from_dict({**run.to_dict(), "more": True}) == run


def test_run_names_are_stable_readable_unique_and_short_enough() -> None:
    identity = ("dag", "run", "task", -1, 0)
    assert run_stem("dag.task", identity) == run_stem("dag.task", identity)
    assert run_stem("dag.task", identity).startswith("dag.task-")
    assert run_stem("a", ("x", "yz")) != run_stem("a", ("xy", "z"))
    stem = run_stem("日次" * 200, identity)
    assert len(run_name(stem, epoch=9999, number=9999)) <= RUN_NAME_LIMIT
    assert read_run_name(run_name(stem, epoch=3, number=12), stem) == (3, 12)
    assert read_run_name(run_name(f"{stem}-3", epoch=3, number=12), stem) is None
    assert read_run_name("another", stem) is None

"""The triggers of every subject, made from plain data in the process that runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from benchmarks.load.case import DATABRICKS, DBT, INTERVALS, OURS, SDK

_FAR = 4_000_000_000.0


class IdleTrigger(BaseTrigger):
    """Only sleeps: what is measured beyond it is the watching."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from."""
        return ("benchmarks.load.triggers.IdleTrigger", {})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep for ever."""
        await asyncio.Event().wait()
        yield TriggerEvent({})


class SdkTrigger(BaseTrigger):
    """Polls with the vendor SDK's own asynchronous method, as one would write it first.

    All triggers of the process share a client, and their first polls are spread over an interval.
    """

    def __init__(self, *, plan: Mapping[str, Any], number: int, run: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._plan, self._number, self._run = plan, number, run

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from."""
        return ("benchmarks.load.triggers.SdkTrigger", {"plan": self._plan, "number": self._number, "run": self._run})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the run has ended."""
        from alibabacloud_dataworks_public20200518.models import ListInstancesRequest
        from darabonba.exceptions import TeaException
        from darabonba.runtime import RuntimeOptions

        client = _sdk_client(self._plan["endpoint"], *self._plan["key"])
        request = ListInstancesRequest(
            project_id=self._plan["workspace_id"],
            project_env=self._run["environment"],
            dag_id=self._run["remote_dag_ids"][0],
        )
        runtime = RuntimeOptions(ca=self._plan["bundle"], autoretry=False)
        await asyncio.sleep(INTERVALS[SDK] * (self._number * 0.618 % 1))
        while True:
            # a call that was refused as one too many, or timed out, is made up for by the next one
            with suppress(TeaException):
                reply = (await client.list_instances_with_options_async(request, runtime)).body.to_map()
                if all(item["Status"] in ("SUCCESS", "FAILURE") for item in reply["Data"]["Instances"]):
                    break
            await asyncio.sleep(INTERVALS[SDK])
        yield TriggerEvent({})


@cache
def _sdk_client(endpoint: str, key: str, secret: str) -> Any:
    from alibabacloud_dataworks_public20200518.client import Client
    from alibabacloud_tea_openapi.models import Config

    return Client(Config(access_key_id=key, access_key_secret=secret, endpoint=endpoint, protocol="https"))


def idle(count: int) -> list[BaseTrigger]:
    """Make triggers that only sleep."""
    return [IdleTrigger() for _ in range(count)]  # type: ignore[no-untyped-call]


def make(plan: Mapping[str, Any]) -> list[BaseTrigger]:
    """Make the triggers of a plan, one for each of its runs."""
    maker = _MAKERS[plan["subject"]]
    return [maker(plan, number, run) for number, run in enumerate(plan["runs"])]


def _ours(plan: Mapping[str, Any], number: int, run: Mapping[str, Any]) -> BaseTrigger:
    from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger

    arguments = {name: value for name, value in run.items() if name != "since"}
    return PaiDesignerRunTrigger(pai_designer_conn_id="pai_designer_default", run=arguments, since=run["since"])


def _databricks(plan: Mapping[str, Any], number: int, run: Mapping[str, Any]) -> BaseTrigger:
    from airflow.providers.databricks.triggers.databricks import DatabricksExecutionTrigger

    trigger: BaseTrigger = DatabricksExecutionTrigger(
        run_id=run["id"], databricks_conn_id="databricks_default", polling_period_seconds=INTERVALS[DATABRICKS]
    )
    return trigger


def _dbt(plan: Mapping[str, Any], number: int, run: Mapping[str, Any]) -> BaseTrigger:
    from airflow.providers.dbt.cloud.triggers.dbt import DbtCloudRunJobTrigger

    trigger: BaseTrigger = DbtCloudRunJobTrigger(
        conn_id="dbt_cloud_default", run_id=run["id"], end_time=_FAR, poll_interval=INTERVALS[DBT], account_id=None
    )
    return trigger


_MAKERS: Mapping[str, Callable[[Mapping[str, Any], int, Mapping[str, Any]], BaseTrigger]] = {
    OURS: _ours,
    SDK: lambda plan, number, run: SdkTrigger(plan=plan, number=number, run=run),
    DATABRICKS: _databricks,
    DBT: _dbt,
}

"""What OpenLineage is told of a run: the tables that it has read and written, and its ids in DataWorks.

Imported by nothing but the methods that the OpenLineage provider calls, so that nobody else needs it. Sources:
https://openlineage.io/docs/spec/object-model and
https://airflow.apache.org/docs/apache-airflow-providers-openlineage/stable/guides/developer.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.openlineage.extractors import OperatorLineage
from attr import define
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import OutputDatasetFacet, RunFacet, base_subset_dataset, external_query_run

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.run_parameters import known_values
from airflow_provider_pai_designer.designer.tables import TableUse, tables_of
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import PaiDesignerError
from airflow_provider_pai_designer.scheduling import SchedulingParameters

if TYPE_CHECKING:
    from airflow_provider_pai_designer.designer.run import Run, RunReport
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

FACET = "paiDesigner_run"
"""The key of the facet with the ids of the run."""

SOURCE = "dataworks"

log = logging.getLogger(__name__)


@define
class PaiDesignerRunFacet(RunFacet):
    """Which run of DataWorks a task has started.

    :param runName: by which Operation Center finds the run.
    :param nodeId: the node, as the environment knows it.
    :param businessDate: the day the data is for, ``YYYY-MM-DD``; of a backfill the first.
    :param lastBusinessDate: of a backfill the last day.
    :param remoteDagIds: what DataWorks calls the DAG ids of the run.
    :param instanceIds: its instances, where they were seen.
    :param workspace: its identifier, or what the connection calls it.
    """

    runName: str  # noqa: N815
    nodeId: int | None  # noqa: N815
    environment: str
    businessDate: str  # noqa: N815
    lastBusinessDate: str | None  # noqa: N815
    remoteDagIds: list[int]  # noqa: N815
    instanceIds: list[int]  # noqa: N815
    workspace: str
    region: str


def lineage_of(
    hook: PaiDesignerHook,
    run: Run | None,
    ended: RunReport | None,
    *,
    content: str | None,
    parameters: str,
    logged: Mapping[int, str],
) -> OperatorLineage[Any, Any]:
    """Describe a run; nothing is asked of the service, and what cannot be told is left out.

    :param run: None where none was started yet.
    :param ended: what became of it, if that was seen.
    :param content: of the node; None where it is not known.
    :param parameters: the run's scheduling parameters, as declared.
    :param logged: by instance id the parameters with their values, as DataWorks wrote them into the log.
    """
    inputs: list[InputDataset] = []
    outputs: list[OutputDataset] = []
    try:
        if content is not None:
            values = list(_values(hook, run, ended, parameters, logged)) or [{}]
            inputs, outputs = _datasets(hook, run, NodeContent.parse(content), values)
    except PaiDesignerError as error:
        log.debug("OpenLineage is told no tables: %s", error)
    return OperatorLineage(
        inputs=inputs, outputs=outputs, run_facets={} if run is None else _facets(hook, run, ended), job_facets={}
    )


def _datasets(
    hook: PaiDesignerHook, run: Run | None, content: NodeContent, values: list[dict[str, str]]
) -> tuple[list[InputDataset], list[OutputDataset]]:
    namespace = f"maxcompute://{hook.region}"
    project = content.project if _runs_in_development(hook, run) else ""
    found = [tables_of(content, known, project=project) for known in values]
    written: dict[str, list[TableUse]] = {}
    for use in dict.fromkeys(use for tables in found for use in tables.writes):
        written.setdefault(use.name, []).append(use)
    inputs = [
        InputDataset(namespace=namespace, name=name)
        for name in dict.fromkeys(name for tables in found for name in tables.reads)
    ]
    outputs = [
        OutputDataset(namespace=namespace, name=name, outputFacets=_partitions(uses)) for name, uses in written.items()
    ]
    return inputs, outputs


def _runs_in_development(hook: PaiDesignerHook, run: Run | None) -> bool:
    """Tell whether the project in the content is surely the one: what production makes of it is not documented."""
    known = hook.known_workspace
    return run is not None and (run.environment == Environment.DEV or (known is not None and not known.standard_mode))


def _partitions(uses: list[TableUse]) -> dict[str, OutputDatasetFacet]:
    """Name the partitions, where each use of the table is one of a partition that is known."""
    if not all(use.partition for use in uses):
        return {}
    partitions = [base_subset_dataset.Partition(dimensions=dict(use.partition)) for use in uses]
    condition = base_subset_dataset.PartitionSubsetCondition(partitions=partitions)
    return {"subset": base_subset_dataset.OutputSubsetOutputDatasetFacet(outputCondition=condition)}


def _values(
    hook: PaiDesignerHook, run: Run | None, ended: RunReport | None, parameters: str, logged: Mapping[int, str]
) -> Iterator[dict[str, str]]:
    """Give the scheduling parameters with their values, for each instance, or else for each business date."""
    instances = ended.own_instances if ended else ()
    for instance in instances:
        moments = [instance.schedule_time] if instance.schedule_time else _day(hook, instance.business_date)
        declared = SchedulingParameters.parse(parameters or instance.parameters, strict=False)
        written = SchedulingParameters.parse(logged.get(instance.id, ""), strict=False)
        yield {**known_values(declared, *moments), **written}
    if run is not None and not instances:
        declared = SchedulingParameters.parse(parameters, strict=False)
        for day in run.business_dates:
            yield known_values(declared, *_day(hook, day))


def _day(hook: PaiDesignerHook, business_date: date) -> list[datetime]:
    """Return the first and the last minute at which an instance for a business date may be planned."""
    after = business_date + timedelta(days=1)
    return [datetime.combine(after, moment, tzinfo=hook.timezone) for moment in (time(0, 0), time(23, 59))]


def _facets(hook: PaiDesignerHook, run: Run, ended: RunReport | None) -> dict[str, RunFacet]:
    workspace = hook.known_workspace
    return {
        "externalQuery": external_query_run.ExternalQueryRunFacet(externalQueryId=run.name, source=SOURCE),
        FACET: PaiDesignerRunFacet(
            runName=run.name,
            nodeId=ended.node_id if ended else run.node_id,
            environment=run.environment,
            businessDate=run.business_date.isoformat(),
            lastBusinessDate=run.last_business_date.isoformat() if run.last_business_date else None,
            remoteDagIds=list(run.remote_dag_ids),
            instanceIds=[instance.id for instance in ended.instances] if ended else [],
            workspace=workspace.identifier if workspace else hook.workspace_name,
            region=hook.region,
        ),
    }

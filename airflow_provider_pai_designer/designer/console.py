"""Where things are in Alibaba Cloud's consoles. No address here is an API contract, so all of them are made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.workspace import Environment

if TYPE_CHECKING:
    from airflow_provider_pai_designer.designer.run import Run


def operation_center(*, region: str, workspace_id: int, environment: str) -> str:
    """Return the address of a workspace's Operation Center; deeper links are not documented."""
    env = "dev" if environment == Environment.DEV else "prod"
    return f"https://workbench2-{region}.data.aliyun.com/?defaultProjectId={workspace_id}&env={env}#/"


def pai_designer(*, region: str, workspace_id: int) -> str:
    """Return the address of a workspace in PAI, from where its menu leads to Designer.

    That PAI counts a workspace of DataWorks by the same number is no written word: in all samples it does.
    """
    return f"https://pai.console.aliyun.com/?regionId={region}&workspaceId={workspace_id}#/workspace/overview"


def pipeline_run(*, region: str, workspace_id: str, run_id: str) -> str:
    """Return the address of a run of a pipeline in PAI, as the vendor's sample of a shared run has it."""
    return (
        f"https://pai.console.aliyun.com/?regionId={region}&workspaceId={workspace_id}#/paiflow/pipeline-runs/{run_id}"
    )


def emulated_operation_center(address: str, *, workspace_id: int, environment: str, run: Run | None) -> str:
    """Return the page of the emulator for a run; where none is known by now, for the workspace.

    :param address: where the emulator listens, such as ``http://127.0.0.1:8080``.
    """
    if run is not None and run.remote_dag_ids:
        return f"{address}/console/runs/{run.remote_dag_ids[0]}"
    return f"{address}/console/workspaces/{workspace_id}?environment={environment}"


def emulated_pai_designer(address: str, *, workspace_id: int, environment: str, run: Run | None) -> str:
    """Return the page of the emulator that draws a run's node; where none is known by now, that of the workspace."""
    if run is not None and run.node_id is not None:
        return f"{address}/console/nodes/{environment}/{run.node_id}"
    return f"{address}/console/workspaces/{workspace_id}?environment={environment}"

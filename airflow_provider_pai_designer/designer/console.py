"""Where things are in Alibaba Cloud's consoles. No address here is an API contract, so all of them are made here."""

from __future__ import annotations

from airflow_provider_pai_designer.designer.workspace import Environment


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

"""The buttons of a task that lead to the workspace in Alibaba Cloud's consoles.

Airflow shows what is in an XCom, and asks for it by itself only when the process of the task ends. So the address is
pushed as soon as it is known, and what was pushed is all that there is to be told at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook


class _ConsoleLink(BaseOperatorLink):
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return what was pushed; empty where nothing was, for a link is no reason for an error."""
        try:
            from airflow.sdk.execution_time.xcom import XCom

            return str(XCom.get_value(ti_key=ti_key, key=self.xcom_key) or "")
        except Exception:
            return ""


class OperationCenterLink(_ConsoleLink):
    """The way to the workspace's Operation Center, in the environment of the task; deeper links are not documented."""

    name = "Operation Center"
    xcom_key = "pai_designer_link_operation_center"


class PaiDesignerLink(_ConsoleLink):
    """The way to the workspace in PAI, where its pipelines are drawn."""

    name = "PAI Designer"
    xcom_key = "pai_designer_link_pai_designer"


class PipelineRunLink(_ConsoleLink):
    """The way to the page of a pipeline's run in PAI."""

    name = "Pipeline run"
    xcom_key = "pai_designer_link_pipeline_run"


LINKS = (OperationCenterLink(), PaiDesignerLink())
PIPELINE_LINKS = (PipelineRunLink(), PaiDesignerLink())


def push_links(ti: Any, hook: PaiDesignerHook, environment: str) -> bool:
    """Show the buttons, and write their addresses into the log of this try; nothing is asked of the service, or raised.

    :param ti: the task instance.
    :return: whether they are shown; where the workspace was not read yet, they cannot be.
    """
    return _push(ti, hook, LINKS, lambda: hook.console_addresses(environment))


def push_pipeline_links(ti: Any, hook: PaiDesignerHook, run_id: str) -> bool:
    """Do the same for a task about a run of a pipeline.

    :param run_id: empty while the run is not known.
    :return: whether all of them are shown.
    """
    return _push(ti, hook, PIPELINE_LINKS, lambda: hook.pipeline_addresses(run_id)) and bool(run_id)


def _push(
    ti: Any, hook: PaiDesignerHook, links: Sequence[_ConsoleLink], addresses_of: Callable[[], Mapping[str, str]]
) -> bool:
    try:
        addresses = addresses_of()
        for link in links:
            if address := addresses.get(link.name):
                hook.log.info("%s: %s", link.name, address)
                ti.xcom_push(key=link.xcom_key, value=address)
    except Exception:
        hook.log.debug("The links of the task are not shown", exc_info=True)
        return False
    return bool(addresses)

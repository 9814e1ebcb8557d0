"""The buttons of a task that lead to the workspace in Alibaba Cloud's consoles, or to its run on the emulator's pages.

Airflow shows what is in an XCom, and asks for it by itself only when the process of the task ends. So the address is
pushed as soon as it is known, and what was pushed is all that there is to be told at the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

log = logging.getLogger(__name__)


class _ConsoleLink(BaseOperatorLink):
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return what was pushed; empty where nothing was, for a link is no reason for an error."""
        try:
            from airflow.sdk.execution_time.xcom import XCom

            return str(XCom.get_value(ti_key=ti_key, key=self.xcom_key) or "")
        except Exception:
            log.debug("The link %r of %s is not shown", self.name, ti_key, exc_info=True)
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


def push_links(
    ti: Any,
    hook: PaiDesignerHook,
    links: Collection[BaseOperatorLink],
    addresses_of: Callable[[], Mapping[str, str]],
    *,
    shown: Mapping[str, str],
) -> Mapping[str, str]:
    """Show the buttons, and write their addresses into the log of this try; nothing is asked of the service, or raised.

    :param ti: the task instance.
    :param addresses_of: tells the addresses that are known by now, by the name of the button.
    :param shown: those that are shown already; they are not shown again.
    :return: those that are shown now.
    """
    try:
        addresses = addresses_of()
        for link in links:
            address = addresses.get(link.name)
            if address and address != shown.get(link.name):
                hook.log.info("%s: %s", link.name, address)
                ti.xcom_push(key=link.xcom_key, value=address)
    except Exception:
        hook.log.debug("The links of the task are not shown", exc_info=True)
        return shown
    return addresses or shown

"""Operators for the pipelines of PAI Designer themselves, before any node has a copy of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_pai_designer.designer.record import SETTLE_SECONDS
from airflow_provider_pai_designer.operators.base import PaiDesignerOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

RETURN, FAIL = "return", "fail"


class PaiDesignerCreatePipelineOperator(PaiDesignerOperator):
    """Create a pipeline in PAI Designer, blank or from a template; one of that name that is there already is returned.

    Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-createexperiment

    The result is the id of the pipeline (``draft-...``), for ``pipeline_id=`` of
    :class:`~airflow_provider_pai_designer.operators.pai_designer.PaiDesignerNodeOperator`. A new pipeline has not run
    yet, so it has to run once as a whole before a node can load it.

    :param pipeline: its name, up to 128 characters.
    :param template: id or exact name of a preset or custom template; None for a blank pipeline.
    :param folder: its folder in PAI Designer, as a path (``Demo/Churn``) or an id (``folder-...``).
    :param description: its description.
    :param if_exists: ``return`` the pipeline of this name that is there already, or ``fail``.
    :param settle: seconds for which a pipeline whose creation was not confirmed is looked for, before it is created
        again.
    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's.
    :param region: region instead of the connection's.
    """

    template_fields: Sequence[str] = (
        *PaiDesignerOperator.template_fields,
        "pipeline",
        "template",
        "folder",
        "description",
        "settle",
    )

    def __init__(
        self,
        *,
        pipeline: str,
        template: str | None = None,
        folder: str = "root",
        description: str = "",
        if_exists: str = RETURN,
        settle: float | str = SETTLE_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if if_exists not in (RETURN, FAIL):
            raise ValueError(f"if_exists must be {RETURN!r} or {FAIL!r}, not {if_exists!r}.")
        self.pipeline = pipeline
        self.template = template
        self.folder = folder
        self.description = description
        self.if_exists = if_exists
        self.settle = settle

    def execute(self, context: Context) -> str:
        """Create the pipeline, or find it."""
        from airflow_provider_pai_designer.designer.pipeline import WantedPipeline
        from airflow_provider_pai_designer.hooks.arguments import read_number, read_text

        wanted = WantedPipeline(
            name=read_text("pipeline", self.pipeline),
            folder=read_text("folder", self.folder),
            description=str(self.description or ""),
            template=None if self.template is None else read_text("template", self.template),
        )
        with self._showing_links(context):
            ensured = self._hook.ensure_pipeline(
                wanted,
                may_exist=self.if_exists == RETURN,
                settle=read_number("settle", self.settle, least=1),
            )
        done = "was created" if ensured.created else "is there already"
        self.log.info("The pipeline %r %s: %s", wanted.name, done, ensured.id)
        return ensured.id

"""PAIFlow (OpenAPI 2021-02-02): the service that runs pipelines, in the words of this provider.

Source: https://www.alibabacloud.com/help/en/pai/developer-reference/api-paiflow-2021-02-02-overview
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.pai_pages import list_pages, read_id, read_text
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.designer.pipeline import (
    PipelineRun,
    PipelineRunOutput,
    PipelineRunStatus,
    PipelineRunStep,
    StepLog,
    read_pipeline_run_status,
)
from airflow_provider_pai_designer.exceptions import ConfigurationError

_LOG_LINES = 100
"""How many lines the vendor's own tool reads at once; the most that the service gives is not documented."""

HEAD_LINES, TAIL_LINES = 1000, 2000
"""Of what is new in a step's log, so many lines are read from the beginning and from the end."""

_TREE_DEPTH = 9
"""Layers of a run's nodes that are read: the root, the steps, and what is in them."""


@dataclass(frozen=True, kw_only=True)
class PaiFlow:
    """The verbs of one account in one region.

    :param gateway: makes the calls to PAIFlow.
    """

    gateway: Gateway

    @property
    def calls_per_second(self) -> float:
        """How many calls this process makes for the account; infinite without a limit."""
        return self.gateway.calls_per_second

    def create_run(
        self,
        *,
        workspace_id: str,
        name: str,
        pipeline_id: str | None = None,
        manifest: str | None = None,
        arguments: str | None = None,
        source_id: str | None = None,
    ) -> str:
        """Start a run and return its id; the service has no token that would keep a second one from being made.

        :param name: the run name, by which :meth:`find_runs` finds it again.
        :param pipeline_id: a pipeline registered with PAIFlow; either this or ``manifest``.
        :param manifest: YAML text.
        :param arguments: YAML text.
        :param source_id: the draft that the manifest was drawn as.
        :raises ConfigurationError: both or neither of pipeline and manifest are given, or no name; nothing was sent.
        :raises UnclearError: the run may have been started; look for its name before starting it again.
        """
        if bool(pipeline_id) == bool(manifest):
            raise ConfigurationError("A run needs either a registered pipeline id or a manifest, and not both.")
        if not name:
            raise ConfigurationError("A run needs a name, by which it is found again when an answer is lost.")
        reply = self.gateway.write(
            "CreatePipelineRun",
            workspace_id=workspace_id,
            name=name,
            pipeline_id=pipeline_id,
            pipeline_manifest=manifest,
            arguments=arguments,
            no_confirm_required=True,
            source_type="DESIGNER" if source_id else "SDK",
            source_id=source_id,
        )
        return understood("CreatePipelineRun", reply, lambda data: read_id(data, "PipelineRunId"), member="")

    def find_runs(self, *, workspace_id: str, name: str) -> tuple[PipelineRun, ...]:
        """Return the runs of exactly this name, newest first."""
        # Whether the service compares whole names is not documented. Rows may move from one page to the next while they
        # are read; each run counts once.
        found = {run.id: run for run in self.list_runs(workspace_id=workspace_id, name=name) if run.name == name}
        return tuple(found.values())

    def list_runs(self, *, workspace_id: str, name: str) -> Iterator[PipelineRun]:
        """Yield the runs that the service finds by a name, or a part of one, newest first."""
        return list_pages(
            self.gateway,
            "ListPipelineRuns",
            "PipelineRuns",
            _read_run,
            workspace_id=workspace_id,
            name=name,
            sort_by="GmtCreateTime",
            order="DESC",
        )

    def get_run(self, run_id: str) -> PipelineRun:
        """Read a run.

        :raises NotFoundError: there is none of this id.
        """
        return understood(
            "GetPipelineRun", self.gateway.read("GetPipelineRun", pipeline_run_id=run_id), _read_run, member=""
        )

    def run_statuses(self, *, workspace_id: str, run_ids: Sequence[str]) -> Mapping[str, PipelineRunStatus]:
        """Read the states of many runs in one call; a run that is deleted or not known to the service is left out."""
        reply = self.gateway.read("ListPipelineRunsStatus", workspace_id=workspace_id, pipeline_runs=list(run_ids))
        return understood("ListPipelineRunsStatus", reply, _read_statuses, member="")

    def terminate_run(self, run_id: str) -> None:
        """Ask a run to stop; it passes through ``Terminating``."""
        self.gateway.write("TerminatePipelineRun", pipeline_run_id=run_id)

    def rerun(self, run_id: str) -> None:
        """Run a run again; the service returns no new id, and what becomes of the old states is not documented."""
        self.gateway.write("RerunPipelineRun", pipeline_run_id=run_id)

    def get_steps(self, run: PipelineRun, *, depth: int = _TREE_DEPTH) -> PipelineRunStep:
        """Read the tree of a run's nodes, as the user drew them.

        :param depth: layers to read; 2 is the root and the steps.
        """
        reply = self.gateway.read(
            "GetPipelineRunNode",
            pipeline_run_id=run.id,
            node_id=run.root_node_id,
            depth=depth,
            type="Logical",
        )
        return understood("GetPipelineRunNode", reply, _read_step, member="")

    def read_log(self, *, run_id: str, node_id: str, offset: int = 0) -> StepLog:
        """Read the lines of a step's log that are there now; of very many the middle is left out.

        :param offset: how many lines have been read before: the ``end`` of the last reading.
        """
        lines: list[str] = []
        before: list[str] = []
        head = offset + HEAD_LINES
        while True:
            part, total = self._read_lines(run_id, node_id, offset=offset, page_size=_LOG_LINES)
            if total is None and part == before:
                # Without a total, a page that comes again is all that tells of a service that goes round in circles.
                return StepLog(lines=tuple(lines), end=offset)
            before = part
            lines += part
            offset += len(part)
            if not part or (offset >= total if total is not None else len(lines) >= HEAD_LINES + TAIL_LINES):
                return StepLog(lines=tuple(lines), end=offset)
            if total is not None and head <= offset < total - TAIL_LINES:
                lines.append(f"[... {total - TAIL_LINES - offset} lines of the remote log left out ...]")
                offset = total - TAIL_LINES

    def last_lines(self, *, run_id: str, node_id: str, number: int) -> list[str]:
        """Read the last lines of a step's log, by one call."""
        lines, _ = self._read_lines(run_id, node_id, offset=0, page_size=number, reverse=True)
        return lines[::-1]

    def _read_lines(self, run_id: str, node_id: str, **which: Any) -> tuple[list[str], int | None]:
        operation = "ListPipelineRunNodeLogs"
        reply = self.gateway.read(operation, pipeline_run_id=run_id, node_id=node_id, **which)
        total = reply.get("TotalCount")
        return understood(operation, reply, _read_lines, member=""), total if isinstance(total, int) else None

    def list_outputs(self, run: PipelineRun, *, depth: int = _TREE_DEPTH) -> tuple[PipelineRunOutput, ...]:
        """Return what the steps of a run left behind: tables, models and metrics.

        :param depth: layers to look at; 2 is the root and the steps.
        """
        return tuple(
            list_pages(
                self.gateway,
                "ListPipelineRunNodeOutputs",
                "Outputs",
                _read_output,
                pipeline_run_id=run.id,
                node_id=run.root_node_id,
                depth=depth,
            )
        )


def _read_run(data: Mapping[str, Any]) -> PipelineRun:
    return PipelineRun(
        id=read_id(data, "PipelineRunId"),
        name=read_text(data, "Name"),
        status=read_pipeline_run_status(data.get("Status")),
        root_node_id=read_text(data, "NodeId"),
        workspace_id=read_text(data, "WorkspaceId"),
        source_id=read_text(data, "SourceId"),
        message=read_text(data, "Message"),
        url=read_text(data, "PipelineRunUri"),
        created=read_text(data, "GmtCreateTime"),
    )


def _read_statuses(data: Mapping[str, Any]) -> dict[str, PipelineRunStatus]:
    return {
        read_id(run, "PipelineRunId"): read_pipeline_run_status(run.get("Status"))
        for run in data.get("PipelineRuns") or []
        if not run.get("IsDeleted")
    }


def _read_step(data: Mapping[str, Any]) -> PipelineRunStep:
    metadata, status = data["Metadata"], data.get("StatusInfo") or {}
    children = (data.get("Spec") or {}).get("Pipelines") or []
    return PipelineRunStep(
        node_id=read_id(metadata, "NodeId"),
        name=read_text(metadata, "Name"),
        display_name=read_text(metadata, "DisplayName") or read_text(metadata, "Name"),
        kind=read_text(metadata, "NodeType"),
        status=read_pipeline_run_status(status.get("Status")),
        started=read_text(status, "StartedAt"),
        finished=read_text(status, "FinishedAt"),
        # The vendor's sample has a child without any of the documented members.
        children=tuple(_read_step(child) for child in children if "Metadata" in child),
    )


def _read_lines(data: Mapping[str, Any]) -> list[str]:
    return [str(line) for line in data.get("Logs") or []]


def _read_output(data: Mapping[str, Any]) -> PipelineRunOutput:
    return PipelineRunOutput(
        id=read_id(data, "Id"),
        name=read_text(data, "Name"),
        type=read_text(data, "Type"),
        node_id=read_text(data, "NodeId"),
        producer=read_text(data, "Producer"),
        information=dict(data.get("Info") or {}),
    )

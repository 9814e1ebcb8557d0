"""Operators for PAI Designer nodes: every action of Operation Center as a task.

Airflow parses DAG files over and over, so what only a running task needs is imported where it is used.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_pai_designer.designer.log import InstanceLog
from airflow_provider_pai_designer.designer.run import Run, RunReport
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import ConfigurationError, PipelineChangedError, one_line
from airflow_provider_pai_designer.hooks.context import run_of
from airflow_provider_pai_designer.operators.base import PaiDesignerOperator, RunOperator
from airflow_provider_pai_designer.operators.start import StartOperator, WantedRun

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from airflow_provider_pai_designer.designer.backfill import Backfill
    from airflow_provider_pai_designer.designer.node import Node
    from airflow_provider_pai_designer.operators.content import ContentSource
    from airflow_provider_pai_designer.scheduling import SchedulingParameters

TEST, BACKFILL = "test", "backfill"
RELOAD, IGNORE, FAIL = "reload", "ignore", "fail"
_CHANGE_IS = {RELOAD: "loaded again", IGNORE: "not loaded again (on_pipeline_change)", FAIL: "no longer accepted"}


class _DeclaredNode(PaiDesignerOperator):
    """A task that declares a node.

    :param node_name: name of the node in DataStudio.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param content: the node's content document as text. It is no template, because manifests have braces of their own.
    :param content_file: path of a file with the content instead; relative to the DAG file's folder.
    :param pipeline: exact name of a pipeline of PAI Designer instead. It is loaded as its latest successful run of all
        its steps had it.
    :param pipeline_id: id of such a pipeline instead (``draft-...``).
    :param copy_from_node: a node whose content is taken instead: its id in the environment, its path
        (``<folder>/<name>``), or its name alone, if it is in the same folder.
    :param on_pipeline_change: what to do where the pipeline has changed since the node has a copy of it: ``reload``
        takes it over, ``ignore`` keeps the copy, ``fail`` fails the task.
    :param parameters: scheduling parameters of the node, name to expression (``{"dt": "$bizdate"}``).
    :param schedule: how DataWorks schedules the node by itself: a mapping with ``cron``, ``type``, ``start`` and
        ``end`` of the effective window. None: a daily node whose window lies far in the future, so that only Airflow
        starts it.
    :param parents: output names of parent nodes; None for the workspace's root.
    :param rerun: automatic reruns by DataWorks, a mapping with ``mode``, ``times``, ``interval_seconds``.
    :param resource_group: identifier of the scheduling resource group.
    :param node_owner: account id of the node's owner; None for the caller.
    :param description: description of the node.
    :param create_folder: make the folder where it does not exist.
    :param environment: ``DEV`` or ``PROD``. A workspace in basic mode has only ``PROD``, which must be written.
    """

    template_fields: Sequence[str] = (
        *PaiDesignerOperator.template_fields,
        "node_name",
        "folder",
        "content_file",
        "pipeline",
        "pipeline_id",
        "copy_from_node",
        "parameters",
        "schedule",
        "parents",
        "rerun",
        "resource_group",
        "node_owner",
        "description",
        "environment",
    )
    template_fields_renderers = {"parameters": "json", "schedule": "json", "rerun": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        node_name: str,
        folder: str,
        content: str | None = None,
        content_file: str | None = None,
        pipeline: str | None = None,
        pipeline_id: str | None = None,
        copy_from_node: int | str | None = None,
        on_pipeline_change: str = RELOAD,
        parameters: Mapping[str, str] | None = None,
        schedule: Mapping[str, Any] | None = None,
        parents: Sequence[str] | None = None,
        rerun: Mapping[str, Any] | None = None,
        resource_group: str | None = None,
        node_owner: str | None = None,
        description: str = "",
        create_folder: bool = False,
        environment: str = Environment.DEV.value,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_pipeline_change not in (RELOAD, IGNORE, FAIL):
            raise ValueError(
                f"on_pipeline_change must be {RELOAD!r}, {IGNORE!r} or {FAIL!r}, not {on_pipeline_change!r}."
            )
        self.node_name = node_name
        self.folder = folder
        self.content = content
        self.content_file = content_file
        self.pipeline = pipeline
        self.pipeline_id = pipeline_id
        self.copy_from_node = copy_from_node
        self.on_pipeline_change = on_pipeline_change
        self.parameters = parameters
        self.schedule = schedule
        self.parents = parents
        self.rerun = rerun
        self.resource_group = resource_group
        self.node_owner = node_owner
        self.description = description
        self.create_folder = create_folder
        self.environment = environment

    def _content_source(self) -> ContentSource:
        from airflow_provider_pai_designer.operators.content import ContentSource

        return ContentSource.read(
            {
                "content": self.content,
                "content_file": self.content_file,
                "pipeline": self.pipeline,
                "pipeline_id": self.pipeline_id,
                "copy_from_node": self.copy_from_node,
            },
            follows_pipeline=self.on_pipeline_change == RELOAD,
        )

    def _declared_node(self, context: Context) -> tuple[Node, tuple[str, ...]]:
        """Build the node from the arguments; nothing is written.

        :return: the node, and in what its pipeline differs from the copy that the node has, in words.
        """
        from airflow_provider_pai_designer.designer.node import Node
        from airflow_provider_pai_designer.hooks.arguments import (
            read_names,
            read_parameters,
            read_rerun_policy,
            read_schedule,
            read_text,
        )
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        source = self._content_source()
        node = Node(
            name=read_text("node_name", self.node_name),
            folder=read_text("folder", self.folder),
            content="",
            parameters=SchedulingParameters.from_mapping(read_parameters("parameters", self.parameters)),
            schedule=read_schedule(self.schedule),
            parents=read_names("parents", self.parents),
            rerun=read_rerun_policy(self.rerun),
            resource_group=self.resource_group,
            owner=None if self.node_owner is None else read_text("node_owner", self.node_owner),
            description=str(self.description or ""),
        )
        content, changes = source.content(
            self._hook,
            node,
            environment=self.environment,
            beside=Path(context["dag"].fileloc).parent,
            keep_copy=self.on_pipeline_change == IGNORE,
        )
        node = replace(node, content=content)
        node.check()
        return node, changes

    def _say_changes(self, node: Node, changes: tuple[str, ...]) -> None:
        """Say what is new in the pipeline.

        :raises PipelineChangedError: that is not wanted.
        """
        if changes and self.on_pipeline_change == FAIL:
            raise PipelineChangedError(
                f"The pipeline has changed since the node {node.name!r} has a copy of it: {'; '.join(changes)}. "
                "Nothing was done. Look at the change, then let the task reload the pipeline once, with "
                f"on_pipeline_change={RELOAD!r}."
            )
        for change in changes:
            self.log.info("The pipeline has changed, and is %s: %s", _CHANGE_IS[self.on_pipeline_change], change)

    def _check_variables(self, node: Node, parameters: SchedulingParameters) -> None:
        """Compare the variables of the pipeline with the parameters that it will have."""
        from airflow_provider_pai_designer.designer.content import NodeContent
        from airflow_provider_pai_designer.designer.run_parameters import check_variables

        for warning in check_variables(NodeContent.parse(node.content), parameters):
            self.log.warning("%s", one_line(warning))


class PaiDesignerDeployNodeOperator(_DeclaredNode):
    """Make a PAI Designer node be as declared, without running it.

    What the node lacks is done: it is created, updated, submitted to DEV and, for ``environment="PROD"``, deployed; a
    node that is as declared is left alone. Source:
    https://www.alibabacloud.com/help/en/dataworks/user-guide/api-call-examples-in-datastudio

    The result is a plain dict: ``node_id`` (an XCom of its own too), ``file_id``, ``version`` (None where the service
    counts none), ``changes`` (a list of what was done, such as ``created`` or ``updated: parameters``) and ``node``
    (the same in words). With ``dry_run`` it is ``changes`` alone: the differences, in words; None for ids.

    Parameters that are not listed here are those of :class:`PaiDesignerNodeOperator`.

    :param dry_run: write the differences into the log, and change nothing.
    """

    def __init__(self, *, dry_run: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.only_compare = dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Ensure the node, or tell what that would change."""
        with self._showing_links(context):
            node, changes = self._declared_node(context)
            self._check_variables(node, node.parameters)
            if self.only_compare:
                return self._compare(node, changes)
            self._say_changes(node, changes)
            ensured = self._hook.ensure_node(node, environment=self.environment, create_folder=self.create_folder)
        context["ti"].xcom_push(key="node_id", value=ensured.node_id)
        return {
            "node_id": ensured.node_id,
            "file_id": ensured.file_id,
            "version": ensured.version,
            "changes": list(ensured.actions),
            "node": ensured.summary,
        }

    def _compare(self, node: Node, of_pipeline: tuple[str, ...]) -> dict[str, Any]:
        found = self._hook.compare_node(node)
        changes = [f"the node {node.name!r} would be created"] if found is None else [str(change) for change in found]
        changes += [f"the pipeline would be {_CHANGE_IS[self.on_pipeline_change]}: {change}" for change in of_pipeline]
        for change in changes or ["nothing would change"]:
            self.log.info("Dry run: %s", change)
        return {"node_id": None, "file_id": None, "version": None, "changes": changes, "node": "dry run"}


class PaiDesignerNodeOperator(_DeclaredNode, StartOperator):
    """Make a PAI Designer node be as declared, run it for one business date, and await the run.

    What the node lacks is done first: it is created, updated, submitted to DEV and, for ``environment="PROD"``,
    deployed; a node that is as declared is left alone. Sources:
    https://www.alibabacloud.com/help/en/dataworks/user-guide/pai-designer-node and
    https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-runsmoketest

    The result (and XCom ``return_value``) is a plain dict: ``node_id``, ``file_id``, ``node`` (what was done to it),
    ``parameters`` (all of the run, expressions where DataWorks evaluates them), ``run_name``, ``environment``,
    ``business_date``, ``last_business_date`` (of a backfill; None for a Test), ``remote_dag_ids``, ``outcome``, and
    ``instances``, a list of dicts with ``instance_id``, ``business_date``, ``schedule_time``, ``status``, ``outcome``,
    ``duration_seconds`` and ``parameters``. ``node_id``, ``run_name`` and ``remote_dag_ids`` are XComs of their own
    from the start of the run.

    :param node_name: name of the node in DataStudio.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param content: the node's content document as text. It is no template, because manifests have braces of their own.
    :param content_file: path of a file with the content instead; relative to the DAG file's folder.
    :param pipeline: exact name of a pipeline of PAI Designer instead. It is loaded as its latest successful run of all
        its steps had it.
    :param pipeline_id: id of such a pipeline instead (``draft-...``).
    :param copy_from_node: a node whose content is taken instead: its id in the environment, its path
        (``<folder>/<name>``), or its name alone, if it is in the same folder.
    :param on_pipeline_change: what to do where the pipeline has changed since the node has a copy of it: ``reload``
        takes it over, ``ignore`` keeps the copy, ``fail`` fails the task.
    :param parameters: scheduling parameters of the node, name to expression (``{"dt": "$bizdate"}``).
    :param run_parameters: scheduling parameters of this run alone, laid over ``parameters``; they get their values
        here, at the first schedule time that the node's cron has for the business date.
    :param schedule: how DataWorks schedules the node by itself: a mapping with ``cron``, ``type``, ``start`` and
        ``end`` of the effective window. None: a daily node whose window lies far in the future, so that only Airflow
        starts it.
    :param parents: output names of parent nodes; None for the workspace's root.
    :param rerun: automatic reruns by DataWorks, a mapping with ``mode``, ``times``, ``interval_seconds``.
    :param resource_group: identifier of the scheduling resource group.
    :param node_owner: account id of the node's owner; None for the caller.
    :param description: description of the node.
    :param create_folder: make the folder where it does not exist.
    :param environment: ``DEV`` or ``PROD``. A workspace in basic mode has only ``PROD``, which must be written.
    :param run_mode: ``test`` or ``backfill``; the same in every kind of Airflow run.
    :param business_date: the day the data is for (``YYYY-MM-DD`` or ``YYYYMMDD``). None: the day before the local date
        of the Airflow run's ``data_interval_end`` (or ``run_after``) in the workspace's time zone.
    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's.
    :param region: region instead of the connection's.
    :param wait_for_completion: False returns once the run has started, whatever ``deferrable`` says.
    :param deferrable: wait in the triggerer, without a worker slot.
    :param poll_interval: seconds between polls; None for a tenth of the run's age, between 10 and 60 seconds.
    :param timeout: seconds after which a run that still goes on is stopped, and the task fails.
    :param stream_logs: show the remote log while the run goes on (in place only); else it is shown at the end.
    :param cancel_on_kill: stop the run when the task is cleared, marked or timed out; False leaves it to itself.
    :param outage_timeout: seconds for which the run may be out of sight before the task gives up, and leaves it alone.
    :param partitioned_outlets: emit an asset event for each business date, with the day as its partition (Airflow 3.3);
        False emits one event without, for DAGs with ``schedule=[asset]``.
    :param durable: remember the run over the task's tries, so that a retry joins it; False starts another one in every
        try.
    :param on_retry: what a retry does about a run that failed: ``new`` starts another one, ``rerun_failed`` runs its
        failed instances again.
    :param settle: seconds for which a run whose start was not confirmed is looked for, before it is asked for again.
    """

    template_fields: Sequence[str] = (
        *_DeclaredNode.template_fields,
        "run_parameters",
        "run_mode",
        "business_date",
        "poll_interval",
        "timeout",
        "outage_timeout",
        "settle",
    )
    template_fields_renderers = {**_DeclaredNode.template_fields_renderers, "run_parameters": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        run_parameters: Mapping[str, str] | None = None,
        run_mode: str = TEST,
        business_date: str | date | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run_parameters = run_parameters
        self.run_mode = run_mode
        self.business_date = business_date
        self._node: Node | None = None

    def _want(self, context: Context) -> WantedRun:
        from airflow_provider_pai_designer.designer.backfill import Backfill
        from airflow_provider_pai_designer.designer.run_parameters import parameters_of_run
        from airflow_provider_pai_designer.hooks.arguments import read_parameters

        if self.run_mode not in (TEST, BACKFILL):
            raise ConfigurationError(f"run_mode must be {TEST!r} or {BACKFILL!r}, not {self.run_mode!r}.")
        node, changes = self._declared_node(context)
        self._node = node
        node.schedule.check_runnable()
        business_date = self._business_date(context, self.business_date)
        parameters = parameters_of_run(
            node.parameters,
            read_parameters("run_parameters", self.run_parameters),
            days=(business_date, business_date),
            cron=node.schedule.cron,
            timezone=self._hook.timezone,
        )
        if self.run_parameters:
            self.log.info("Scheduling parameters of this run: %s", parameters.render())
        self._check_variables(node, parameters)
        self._say_changes(node, changes)
        return WantedRun(
            environment=self.environment,
            node_id=None,
            business_date=business_date,
            parameters=parameters.render(),
            sent_parameters=parameters.render() if self.run_parameters else None,
            backfill=Backfill(node_id=0, first=business_date, last=business_date)
            if self.run_mode == BACKFILL
            else None,
            definition=repr(node),
        )

    def _content_at_hand(self) -> str | None:
        if self._node is not None:
            return self._node.content
        dag = self.get_dag()
        return self._content_source().at_hand(Path(dag.fileloc).parent if dag else Path())

    def _ensure(self, wanted: WantedRun) -> WantedRun:
        assert self._node is not None
        ensured = self._hook.ensure_node(self._node, environment=self.environment, create_folder=self.create_folder)
        return replace(wanted, node_id=ensured.node_id, details={"file_id": ensured.file_id, "node": ensured.summary})


class _ExistingNode(StartOperator):
    """A task that runs a node that is there.

    :param designer_node_id: the node, as the environment of the run knows it.
    :param node_name: name of the node instead, with its ``folder``.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param run_parameters: scheduling parameters of this run alone, laid over the node's own.
    :param environment: ``DEV`` or ``PROD``. A workspace in basic mode has only ``PROD``, which must be written.
    """

    template_fields: Sequence[str] = (
        *StartOperator.template_fields,
        "designer_node_id",
        "node_name",
        "folder",
        "run_parameters",
        "environment",
    )
    template_fields_renderers = {"run_parameters": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        designer_node_id: int | str | None = None,
        node_name: str | None = None,
        folder: str | None = None,
        run_parameters: Mapping[str, str] | None = None,
        environment: str = Environment.DEV.value,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.designer_node_id = designer_node_id
        self.node_name = node_name
        self.folder = folder
        self.run_parameters = run_parameters
        self.environment = environment

    @abstractmethod
    def _days(self, context: Context) -> tuple[date, date]:
        """The first and the last business date of the run."""

    def _backfill(self, first: date, last: date) -> Backfill | None:
        """How to backfill, with every argument checked; None for a Test."""
        return None

    def _want(self, context: Context) -> WantedRun:
        from airflow_provider_pai_designer.designer.run_parameters import parameters_of_run
        from airflow_provider_pai_designer.hooks.arguments import read_node_reference, read_parameters
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        reference = read_node_reference(self.designer_node_id, self.node_name, self.folder)
        first, last = self._days(context)
        backfill = self._backfill(first, last)
        node_id = (
            reference
            if isinstance(reference, int)
            else self._hook.find_node(name=reference[0], folder=reference[1], environment=self.environment)
        )
        node = self._hook.get_node(node_id, environment=self.environment)
        parameters = parameters_of_run(
            SchedulingParameters.parse(node.parameters, strict=False),
            read_parameters("run_parameters", self.run_parameters),
            days=(first, last),
            cron=node.cron,
            timezone=self._hook.timezone,
        )
        return WantedRun(
            environment=self.environment,
            node_id=node_id,
            business_date=first,
            parameters=parameters.render(),
            sent_parameters=parameters.render() if self.run_parameters else None,
            backfill=backfill,
        )


class PaiDesignerTestNodeOperator(_ExistingNode):
    """Test a node that is there, for one business date, and await the run.

    Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-runsmoketest

    The result, and the parameters that are not listed here, are those of :class:`PaiDesignerNodeOperator`.

    :param designer_node_id: the node, as the environment of the run knows it.
    :param node_name: name of the node instead, with its ``folder``.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param run_parameters: scheduling parameters of this run alone, laid over the node's own; they get their values
        here, at the first schedule time that the node's cron has for the business date.
    :param environment: ``DEV`` or ``PROD``. A workspace in basic mode has only ``PROD``, which must be written.
    :param business_date: the day the data is for (``YYYY-MM-DD`` or ``YYYYMMDD``); None for that of the Airflow run.
    """

    template_fields: Sequence[str] = (*_ExistingNode.template_fields, "business_date")

    def __init__(self, *, business_date: str | date | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.business_date = business_date

    def _days(self, context: Context) -> tuple[date, date]:
        day = self._business_date(context, self.business_date)
        return day, day


class PaiDesignerBackfillNodeOperator(_ExistingNode):
    """Backfill a node that is there, over business dates, and await the run.

    Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-runcycledagnodes

    The result, and the parameters that are not listed here, are those of :class:`PaiDesignerNodeOperator`.

    :param designer_node_id: the node, as the environment of the run knows it.
    :param node_name: name of the node instead, with its ``folder``.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param run_parameters: scheduling parameters of this run alone, laid over the node's own. Over several business
        dates they must be constants; over one, expressions get their values here.
    :param environment: ``DEV`` or ``PROD``. A workspace in basic mode has only ``PROD``, which must be written.
    :param start_business_date: first business date (``YYYY-MM-DD`` or ``YYYYMMDD``); None for that of the Airflow run.
    :param end_business_date: last business date, included; None for the first.
    :param max_parallel_dates: business dates that may run at the same time, 1 to 10.
    :param start_time: of an hourly node, the first schedule time of each day (``HH:MM``).
    :param end_time: of an hourly node, the last schedule time of each day (``HH:MM``).
    :param include_node_ids: downstream nodes that run too.
    :param exclude_node_ids: of these, nodes that run dry.
    :param future_instances_at_once: run instances whose schedule time is still to come at once.
    :param alert_on: ``SUCCESS``, ``FAILURE`` or ``SUCCESS_FAILURE``; None for no alert by DataWorks.
    :param alert_by: ``SMS``, ``MAIL`` or ``SMS_MAIL``.
    """

    template_fields: Sequence[str] = (
        *_ExistingNode.template_fields,
        "start_business_date",
        "end_business_date",
        "max_parallel_dates",
        "start_time",
        "end_time",
        "include_node_ids",
        "exclude_node_ids",
        "alert_on",
        "alert_by",
    )

    def __init__(
        self,
        *,
        start_business_date: str | date | None = None,
        end_business_date: str | date | None = None,
        max_parallel_dates: int | str = 1,
        start_time: str | None = None,
        end_time: str | None = None,
        include_node_ids: Sequence[int | str] | str | None = None,
        exclude_node_ids: Sequence[int | str] | str | None = None,
        future_instances_at_once: bool = False,
        alert_on: str | None = None,
        alert_by: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.start_business_date = start_business_date
        self.end_business_date = end_business_date
        self.max_parallel_dates = max_parallel_dates
        self.start_time = start_time
        self.end_time = end_time
        self.include_node_ids = include_node_ids
        self.exclude_node_ids = exclude_node_ids
        self.future_instances_at_once = future_instances_at_once
        self.alert_on = alert_on
        self.alert_by = alert_by

    def _days(self, context: Context) -> tuple[date, date]:
        first = self._business_date(context, self.start_business_date, "start_business_date")
        if self.end_business_date is None:
            return first, first
        return first, self._business_date(context, self.end_business_date, "end_business_date")

    def _backfill(self, first: date, last: date) -> Backfill:
        from airflow_provider_pai_designer.designer.backfill import Backfill
        from airflow_provider_pai_designer.hooks.arguments import read_integer, read_integers, read_times

        backfill = Backfill(
            node_id=0,
            first=first,
            last=last,
            parallel_dates=read_integer("max_parallel_dates", self.max_parallel_dates),
            hours=read_times(self.start_time, self.end_time),
            include_node_ids=read_integers("include_node_ids", self.include_node_ids),
            exclude_node_ids=read_integers("exclude_node_ids", self.exclude_node_ids),
            future_at_once=self.future_instances_at_once,
            alert_on=self.alert_on,
            alert_by=self.alert_by,
        )
        backfill.check()
        return backfill


class _ExistingRun(RunOperator):
    """A task about a run that was started elsewhere.

    :param run: what another task returned (``start.output``), or remote DAG ids, or a run name.
    :param designer_node_id: the node, where ``run`` is a name.
    :param business_date: the run's business date, where ``run`` is a name; None for that of the Airflow run.
    :param environment: ``DEV`` or ``PROD``; where ``run`` is a dict, it says so itself.
    """

    template_fields: Sequence[str] = (
        *RunOperator.template_fields,
        "run",
        "designer_node_id",
        "business_date",
        "environment",
    )

    def __init__(
        self,
        *,
        run: Mapping[str, Any] | Sequence[int] | int | str,
        designer_node_id: int | str | None = None,
        business_date: str | date | None = None,
        environment: str = Environment.DEV.value,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.run = run
        self.designer_node_id = designer_node_id
        self.business_date = business_date
        self.environment = environment

    def _find(self, context: Context) -> Run:
        wanted = self._through_weather(
            lambda: run_of(
                self._hook,
                context,
                self.run,
                node_id=self.designer_node_id,
                business_date=self.business_date,
                environment=self.environment,
            )
        )
        found = self._through_weather(lambda: self._hook.identify(wanted))
        if not found.remote_dag_ids:
            raise ConfigurationError(
                f"There is no {wanted} for the business date {wanted.business_date} in {wanted.environment}: correct "
                "run, designer_node_id, business_date or environment."
            )
        return found


class PaiDesignerStopRunOperator(_ExistingRun):
    """Stop a run that was started elsewhere, and await its end.

    A run that has ended already is left alone; that is a success too. What a stop cannot stop is the engine's own job,
    which may outlive its instance for a while. Source:
    https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-stopinstance

    The result, and the parameters that are not listed here, are those of :class:`PaiDesignerNodeOperator`.

    :param run: what another task returned (``start.output``), or remote DAG ids, or a run name.
    :param designer_node_id: the node, where ``run`` is a name.
    :param business_date: the run's business date, where ``run`` is a name; None for that of the Airflow run.
    :param environment: ``DEV`` or ``PROD``; where ``run`` is a dict, it says so itself.
    """

    writes_tables = False

    def _begin(self, context: Context) -> dict[str, Any]:
        run = self._find(context)
        if not self._through_weather(lambda: self._hook.stop_run(run)):
            self.log.info("The %s had ended already.", run)
        return run.to_dict()

    def _judge(self, report: RunReport, logs: Mapping[int, InstanceLog]) -> None:
        self.log.info("The %s has ended: %s", report.run, report.outcome.value)


class PaiDesignerRerunFailedOperator(_ExistingRun):
    """Run the failed instances of a run again, under their own ids, and await them; those that succeeded stay.

    Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-restartinstance

    The result, and the parameters that are not listed here, are those of :class:`PaiDesignerNodeOperator`.

    :param run: what another task returned (``start.output``), or remote DAG ids, or a run name.
    :param designer_node_id: the node, where ``run`` is a name.
    :param business_date: the run's business date, where ``run`` is a name; None for that of the Airflow run.
    :param environment: ``DEV`` or ``PROD``; where ``run`` is a dict, it says so itself.
    """

    def _begin(self, context: Context) -> dict[str, Any]:
        run = self._run = self._find(context)
        if not self._through_weather(lambda: self._hook.rerun_failed(run)):
            self.log.info("No instance of the %s has failed; nothing is run again.", run)
        return run.to_dict()


class PaiDesignerDeleteNodeOperator(PaiDesignerOperator):
    """Take a node out of production, delete it, and deploy the deletion; each step is waited for.

    A node that is not there is a success, so the task can be repeated. Source:
    https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-deletefile

    The result is a plain dict: ``changes``, a list of what was done, and ``node``, the same in words. A node on which
    other nodes depend is left alone: the task fails, and lists them.

    :param node_name: name of the node in DataStudio.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    """

    template_fields: Sequence[str] = (*PaiDesignerOperator.template_fields, "node_name", "folder")

    def __init__(self, *, node_name: str, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.node_name = node_name
        self.folder = folder

    def execute(self, context: Context) -> dict[str, Any]:
        """Delete the node, as far as it is there."""
        from airflow_provider_pai_designer.hooks.arguments import read_text

        with self._showing_links(context):
            deleted = self._hook.delete_node(
                name=read_text("node_name", self.node_name), folder=read_text("folder", self.folder)
            )
        return {"changes": list(deleted.actions), "node": deleted.summary}

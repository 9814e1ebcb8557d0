"""The content of a PAI Designer node (file type 1117): the document that carries a copy of a pipeline.

The outer document has two members that are JSON texts themselves: ``content``, the flow that the scheduler gets, and
``extraContent``, the editor's link back to the pipeline draft. Older nodes hold the flow alone.
Shape: https://github.com/aliyun/dataworks-spec (``PaiFlowCode`` and its tests).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.exceptions import ContentError

_MANIFEST = "paiflowPipeline"
_ENGINE = "MaxCompute"
_PROGRAM_TYPE = "1000138"
"""The scheduler's program type; the same in every content that was seen."""


@dataclass(frozen=True, kw_only=True)
class PipelineCopy:
    """What a node content is built from: a pipeline as one of its jobs ran it.

    :param pipeline_id: the draft (``draft-...``, older ``experiment-...``).
    :param job_id: the job that manifest and arguments were taken from.
    :param workspace_id: number of the DataWorks workspace, which is the PAI workspace's too.
    :param region: where the node will run.
    :param manifest: YAML text, as it was run.
    :param arguments: YAML text, as it was run.
    :param variables: global variable to value text, such as ``${bizdate}``.
    """

    pipeline_id: str
    job_id: str
    name: str
    description: str
    workspace_id: int
    region: str
    manifest: str
    arguments: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NodeContent:
    """A node's content; nothing of the text it was read from is lost.

    :param text: the whole document, as read or as rendered after a change.
    :param document: the outer object; the flow itself in the older bare form.
    :param flow: the decoded flow: ``paiflowPipeline``, ``paiflowArguments``, ``paiflowParameters`` and the rest.
    """

    text: str
    document: Mapping[str, Any]
    flow: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> NodeContent:
        """Read a node content in the wrapped or in the older bare form.

        :raises ContentError: the text is not JSON, or not the content of a PAI Designer node.
        """
        document = _read_object(text, "The node content")
        wrapped = "content" in document or "extraContent" in document
        flow = _read_object(document.get("content"), "The member 'content'") if wrapped else document
        if not isinstance(flow.get(_MANIFEST), str):
            raise ContentError(
                f"The node content has no pipeline manifest: its flow needs the member {_MANIFEST!r}, a YAML text. "
                "Take the content of a PAI Designer node (View Code in Operation Center), not of another node type."
            )
        return cls(text=text, document=document, flow=flow)

    @classmethod
    def build(cls, copy: PipelineCopy) -> NodeContent:
        """Put a content together as the console does when a pipeline is loaded into a node.

        The console draws two members at random (``flowUniqueCode``, ``requestId``). Here both follow from the job, so
        that loading the same job again gives the same document.

        :raises ContentError: the manifest cannot be used, or the arguments name no MaxCompute project.
        """
        manifest = Manifest.parse(copy.manifest)
        flow = {
            "appId": copy.workspace_id,
            "computeResource": {_ENGINE: _engine(copy.arguments)[0]},
            "connectionType": _ENGINE,
            "description": copy.description,
            "flowUniqueCode": _flow_code(copy.job_id),
            "name": copy.name,
            "paiflowArguments": copy.arguments,
            "paiflowParameters": dict(copy.variables),
            _MANIFEST: copy.manifest,
            "paraValue": f"--paiflow_endpoint=paiflow.{copy.region}.aliyuncs.com --region={copy.region}",
            "prgType": _PROGRAM_TYPE,
            "requestId": str(uuid5(NAMESPACE_URL, f"request:{copy.job_id}")).upper(),
            "workspaceId": str(copy.workspace_id),
            **_derived(manifest),
        }
        editor = {"desc": copy.description, "experimentId": copy.pipeline_id, "name": copy.name}
        return cls.parse(_write({"content": _write(flow), "extraContent": _write(editor)}))

    def render(self) -> str:
        """Return the document as text: the very text that was read, unless something was replaced."""
        return self.text

    @property
    def wrapped(self) -> bool:
        """Whether the document is the current, wrapped form."""
        return self.flow is not self.document

    @property
    def scheduler_text(self) -> str:
        """The flow as text: all that DataWorks hands to its scheduler."""
        return str(self.document["content"]) if self.wrapped else self.text

    @property
    def editor(self) -> Mapping[str, Any]:
        """The decoded ``extraContent``: ``experimentId`` (the pipeline draft), ``name``, ``desc``; may be empty.

        :raises ContentError: ``extraContent`` is not a JSON object.
        """
        text = self.document.get("extraContent") if self.wrapped else None
        return _read_object(text, "The member 'extraContent'") if text else {}

    @cached_property
    def manifest(self) -> Manifest:
        """The pipeline manifest in this content.

        :raises ContentError: the manifest does not parse, or its steps form a cycle.
        """
        return Manifest.parse(self.flow[_MANIFEST])

    @property
    def global_variables(self) -> Mapping[str, str]:
        """Name to value text of the pipeline's global variables (``paiflowParameters``)."""
        variables = self.flow.get("paiflowParameters") or {}
        if not isinstance(variables, dict):
            raise ContentError("The member 'paiflowParameters' of the node content must be an object.")
        return {str(name): str(value) for name, value in variables.items()}

    @property
    def project(self) -> str:
        """The MaxCompute project in which the steps run in development; empty where the arguments name none."""
        try:
            return _engine(str(self.flow.get("paiflowArguments")))[1]
        except ContentError:
            return ""

    def replace(self, **changes: Any) -> NodeContent:
        """Return a content whose flow has other values for the given members; all other members stay.

        A new ``paiflowPipeline`` brings its derived members with it, unless they are given too.
        """
        if _MANIFEST in changes:
            changes = {**_derived(Manifest.parse(changes[_MANIFEST])), **changes}
        flow = {**self.flow, **changes}
        document = {**self.document, "content": _write(flow)} if self.wrapped else flow
        return NodeContent.parse(_write(document))

    def check(self) -> None:
        """Compare the derived members with the manifest.

        Tables may be listed that no known component names; a table that is named and not listed is a fault.

        :raises ContentError: ``tasks``, ``taskRelations``, ``inputs`` or ``outputs`` do not belong to the manifest.
        """
        for member, derived in _derived(self.manifest).items():
            if not isinstance(self.flow.get(member, derived), list):
                raise ContentError(f"The member {member!r} of the node content must be a list.")
            listed, computed = _as_set(self.flow.get(member, derived)), _as_set(derived)
            if listed != computed and not (member in ("inputs", "outputs") and computed <= listed):
                raise ContentError(
                    f"The member {member!r} of the node content does not belong to its manifest, so the content was "
                    "put together from two pipelines. Load the pipeline into the node again, or remove the member and "
                    "let it be computed."
                )

    def completed(self) -> NodeContent:
        """Return this content with the derived members that it lacks; the same object where none is missing."""
        derived = _derived(self.manifest)
        missing = {member: derived[member] for member in derived if member not in self.flow}
        return self.replace(**missing) if missing else self

    def wrap(self) -> NodeContent:
        """Return this content in the wrapped form; the same object where it has it, without a link to a draft if not.

        Source: https://github.com/aliyun/dataworks-spec (``PaiFlowCode``)
        """
        return self if self.wrapped else NodeContent.parse(_write({"content": self.text, "extraContent": "{}"}))

    def is_of_job(self, job_id: str) -> bool:
        """Tell whether this content was built from this job; then nothing else needs to be compared."""
        return self.flow.get("flowUniqueCode") == _flow_code(job_id)

    def changes_since(self, copy: NodeContent) -> tuple[str, ...]:
        """Tell in words in what a pipeline, loaded anew, differs from an older copy of it; empty where in nothing.

        What the console or a run draws at random is not compared, nor what follows from the account.

        :raises ContentError: one of the two cannot be read.
        """
        changes = []
        pipelines = copy.editor.get("experimentId"), self.editor.get("experimentId")
        if all(pipelines) and pipelines[0] != pipelines[1]:
            changes.append(f"the pipeline is {pipelines[1]} and was {pipelines[0]}")
        if steps := self.manifest.difference(copy.manifest):
            changes.append(f"steps: {steps}")
        (_, before), (_, now) = (_engine(str(content.flow.get("paiflowArguments"))) for content in (copy, self))
        if before != now:
            changes.append(f"the {_ENGINE} project is {now} and was {before}")
        return tuple(changes)

    def same_as(self, other: NodeContent) -> bool:
        """Tell whether both say the same, whatever their spacing and order of keys."""
        return self.flow == other.flow and self.editor == other.editor


def _derived(manifest: Manifest) -> dict[str, list[Any]]:
    return {
        "tasks": manifest.tasks,
        "taskRelations": manifest.task_relations,
        "inputs": manifest.inputs,
        "outputs": manifest.outputs,
    }


def _flow_code(job_id: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"flow:{job_id}"))


def _engine(arguments: str) -> tuple[str, str]:
    """Return the argument that says where MaxCompute runs the steps: its name and the project in it.

    Not all of them have a ``resourceType``.
    """
    import yaml

    try:
        parameters = yaml.safe_load(arguments)["arguments"]["parameters"]
        return next(
            (str(item["name"]), str(item["value"]["odpsProject"]))
            for item in parameters
            if "odpsProject" in item["value"]
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError, RecursionError, StopIteration):
        raise ContentError(
            f"The arguments of the pipeline's run name no {_ENGINE} project, so a node cannot run it. Run "
            "the whole pipeline once in PAI Designer on MaxCompute, then load it again."
        ) from None


def _as_set(items: list[Any]) -> set[str]:
    """Order says nothing in these lists: the console writes some of them in the order of drawing."""
    return {json.dumps(item, sort_keys=True) for item in items}


def _read_object(text: Any, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ContentError(
            f"{what} is not JSON ({error}). Give the document of a PAI Designer node as text: the console shows it "
            "under View Code of the node in Operation Center."
        ) from None
    if not isinstance(value, dict):
        raise ContentError(f"{what} must be a JSON object, not {type(value).__name__}.")
    return value


def _write(value: Mapping[str, Any]) -> str:
    """Write JSON as DataWorks does: compact, keys sorted, no escapes for other scripts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

"""The PAIFlow manifest of a drawn pipeline: its steps and the order in which they depend on each other.

Source: https://help.aliyun.com/zh/pai/user-guide/pipeline-manifest
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from airflow_provider_pai_designer.exceptions import ContentError

READ_TABLE = "data_source"
WRITE_TABLE = "SqlWriteTable_1"
_TABLE = "MaxComputeTable"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One component on the canvas.

    :param name: the canvas id (``id-...``), unique in the manifest.
    :param display_name: the label on the canvas.
    :param identifier: the component, such as ``sql`` or ``SqlWriteTable_1``.
    :param dependencies: names of the steps that must end before this one starts.
    :param parameters: parameter name to value, for parameters that carry a value of their own.
    :param sources: names of the steps whose outputs this step reads.
    :param definition: all that the manifest says of the step, in one spelling, to be compared.
    """

    name: str
    display_name: str
    identifier: str
    dependencies: tuple[str, ...]
    parameters: Mapping[str, Any]
    sources: tuple[str, ...]
    definition: str

    @property
    def label(self) -> str:
        """How messages name the step: its label on the canvas and its id."""
        return f"{self.display_name} ({self.name})"


@dataclass(frozen=True, kw_only=True)
class ManifestDifference:
    """Which steps differ between the copy of a pipeline and the pipeline itself.

    :param added: steps that only the newer manifest has.
    :param removed: steps that only the older manifest has.
    :param changed: steps of the newer manifest whose definition is another one.
    """

    added: tuple[Step, ...]
    removed: tuple[Step, ...]
    changed: tuple[Step, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        kinds = {"added": self.added, "removed": self.removed, "changed": self.changed}
        listed = [f"{kind} {', '.join(step.label for step in steps)}" for kind, steps in kinds.items() if steps]
        return "; ".join(listed) or "no step differs"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The steps of a pipeline, in the order of the manifest."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Read a manifest.

        :param text: YAML, one document with ``spec.pipelines``.
        :raises ContentError: the text is not YAML, has no steps, names a step twice, refers to a step that is not
            there, or its steps form a cycle.
        """
        manifest = cls(
            steps=tuple(_read_step(item, index) for index, item in enumerate(read_manifest(text)["spec"]["pipelines"]))
        )
        manifest._check_names()
        manifest.in_order()
        return manifest

    def in_order(self) -> tuple[Step, ...]:
        """Return the steps so that each one comes after the steps it depends on.

        :raises ContentError: the steps form a cycle; the message names them.
        """
        sorter = TopologicalSorter({step.name: step.dependencies for step in self.steps})
        try:
            order = tuple(sorter.static_order())
        except CycleError as error:
            labels = " -> ".join(self._labels.get(name, name) for name in error.args[1])
            raise ContentError(
                f"The steps of the pipeline form a cycle: {labels}. Remove one of these connections in PAI Designer, "
                "run the pipeline once, and load it again."
            ) from None
        by_name = {step.name: step for step in self.steps}
        return tuple(by_name[name] for name in order)

    @property
    def fingerprint(self) -> str:
        """A digest that changes when a step does, and not with spacing, the order of steps or the account.

        The root of a manifest is left out: it names the account and the run that the manifest was taken from.
        """
        definitions = sorted(step.definition for step in self.steps)
        return hashlib.sha256(json.dumps(definitions).encode()).hexdigest()

    def difference(self, older: Manifest) -> ManifestDifference:
        """Tell which steps of this manifest differ from those of an older one."""
        before = {step.name: step for step in older.steps}
        now = {step.name for step in self.steps}
        return ManifestDifference(
            added=tuple(step for step in self.steps if step.name not in before),
            removed=tuple(step for step in older.steps if step.name not in now),
            changed=tuple(
                step for step in self.steps if step.name in before and step.definition != before[step.name].definition
            ),
        )

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The ``tasks`` list that the node content carries for this manifest."""
        return [
            {"root": not step.dependencies, "taskName": step.display_name, "taskUniqueCode": step.name}
            for step in self.steps
        ]

    @property
    def task_relations(self) -> list[dict[str, str]]:
        """The ``taskRelations`` list that the node content carries for this manifest."""
        return [
            {"childTaskUniqueCode": step.name, "parentTaskUniqueCode": parent}
            for step in self.steps
            for parent in step.dependencies
        ]

    @property
    def inputs(self) -> list[dict[str, str]]:
        """The tables that the pipeline reads from outside, as in the node content."""
        return list(self._tables(READ_TABLE, "inputTableName"))

    @property
    def outputs(self) -> list[dict[str, str]]:
        """The tables that the pipeline writes, as in the node content."""
        return list(self._tables(WRITE_TABLE, "outputTableName"))

    @cached_property
    def _labels(self) -> dict[str, str]:
        return {step.name: step.label for step in self.steps}

    def _tables(self, identifier: str, parameter: str) -> Iterator[dict[str, str]]:
        for step in self.steps:
            table = step.parameters.get(parameter)
            if step.identifier == identifier and table:
                yield {"type": _TABLE, "value": str(table)}

    def _check_names(self) -> None:
        names = [step.name for step in self.steps]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ContentError(
                f"The pipeline has two steps with the name {repeated!r}; the names of steps must be unique."
            )
        for step in self.steps:
            for other in (*step.dependencies, *step.sources):
                if other not in names:
                    raise ContentError(
                        f"The step {self._labels[step.name]} refers to the step {other!r}, which the pipeline does "
                        "not have. Save the pipeline in PAI Designer and load it again."
                    )


def read_manifest(text: str) -> Mapping[str, Any]:
    """Read a manifest as it is: ``spec.pipelines`` is a list with at least one member.

    :raises ContentError: the text is not YAML, or has no steps.
    """
    import yaml

    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ContentError(
            f"The pipeline manifest (paiflowPipeline) is not valid YAML: {' '.join(str(error).split())}"
        ) from None
    spec = document.get("spec") if isinstance(document, Mapping) else None
    items = spec.get("pipelines") if isinstance(spec, Mapping) else None
    if not isinstance(items, list) or not items:
        raise ContentError(
            "The pipeline manifest (paiflowPipeline) has no steps: spec.pipelines must be a list with at least one "
            "step. Draw and run the pipeline in PAI Designer, then load it again."
        )
    assert isinstance(document, Mapping)
    return document


def _read_step(item: Any, index: int) -> Step:
    try:
        metadata, spec = item["metadata"], item["spec"]
        arguments = spec.get("arguments") or {}
        return Step(
            name=str(metadata["name"]),
            display_name=str(metadata.get("displayName") or metadata["name"]),
            identifier=str(metadata.get("identifier") or metadata.get("guid") or ""),
            dependencies=tuple(str(name) for name in spec.get("dependencies") or ()),
            parameters={
                parameter["name"]: parameter["value"]
                for parameter in arguments.get("parameters") or ()
                if "value" in parameter
            },
            sources=tuple(_source_names(arguments.get("artifacts") or ())),
            definition=json.dumps(_without_empty(item), sort_keys=True, default=str),
        )
    except (KeyError, TypeError, AttributeError):
        raise ContentError(
            f"Step number {index + 1} of the pipeline manifest does not have the shape of a step: it needs "
            "metadata.name, and spec with lists of arguments and dependencies."
        ) from None


def _without_empty(value: Any) -> Any:
    """Leave out empty lists and objects: what writes a manifest may spell them out or not."""
    if isinstance(value, Mapping):
        return {str(key): _without_empty(item) for key, item in value.items() if item not in ([], {}, None)}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def _source_names(artifacts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Read the step out of ``{{pipelines.<step>.outputs.artifacts.<port>}}``."""
    for artifact in artifacts:
        reference = str(artifact.get("from") or "").strip("{} ")
        if reference.startswith("pipelines."):
            yield reference.removeprefix("pipelines.").split(".outputs.", 1)[0]

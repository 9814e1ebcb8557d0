"""The ``${...}`` variables in the steps of a pipeline: which of them nothing gives a value."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.manifest import Manifest, Step, read_manifest

NOT_VARIABLES = {
    r"t[1-4]": "input ports of a SQL component",
    r"pai_system_(?:run|node)_id(?:_\w+)?": "filled in by PAI when the step runs",
    r"bdp\.system\.\w+": "filled in by DataWorks, without a declaration",
    r"workspace\.\w+": "parameters of the workspace",
}
"""Names that look like variables and need no scheduling parameter: a pattern, and what they are."""

_VARIABLE = re.compile(r"\$\{([\w.][\w.+*-]*)\}")
_NOT_A_VARIABLE = re.compile("|".join(NOT_VARIABLES))
_ENGINE_FIELD = re.compile("sql|table|partition", re.IGNORECASE)
"""Names of fields that an engine reads, to which a variable left over is a syntax error. What another field means by
``${...}`` cannot be known: in a script or a command it is the shell's own."""


@dataclass(frozen=True, kw_only=True)
class Unbound:
    """A name in a field of a step, for which there is neither a scheduling parameter nor a global variable.

    :param variable: the global variable whose value brings the name into the field; None where it stands there itself.
    :param is_error: the engine will refuse the field; else it may be meant so.
    """

    step: Step
    field: str
    name: str
    variable: str | None
    is_error: bool

    def __str__(self) -> str:
        through = f" through the global variable {self.variable!r}" if self.variable else ""
        return (
            f"the step {self.step.display_name} ({self.step.name}) uses ${{{self.name}}} in {self.field}{through}, and "
            "nothing gives it a value"
        )


def variable_names(manifest: Manifest) -> frozenset[str]:
    """Return the names that stand as ``${name}`` in the steps of a pipeline and that neither PAI nor DataWorks fills.

    In a script or a command such a name may be the shell's own.
    """
    found = {name for step in manifest.steps for value in step.parameters.values() for name in _names(value)}
    return frozenset(name for name in found if not _NOT_A_VARIABLE.fullmatch(name))


def bindings(manifest: Manifest, parameters: Collection[str]) -> dict[str, str]:
    """Bind the variables of a pipeline to the scheduling parameters of the same names.

    Source: https://www.alibabacloud.com/help/en/pai/global-variable
    """
    return {name: f"${{{name}}}" for name in sorted(variable_names(manifest) & set(parameters))}


def put_back(manifest: str, drawing: str) -> tuple[str, tuple[str, ...]]:
    """Put the variables of a drawn pipeline back into the manifest of a run, where they have been given their values.

    Whether PAI hands out the manifest of a run with them or with their values is not documented. A node with the values
    of one run would compute the same day for ever. A field is put back only if it differs from what is drawn in nothing
    but values.

    :param manifest: YAML text.
    :param drawing: JSON text, the content of the pipeline draft.
    :return: the manifest, and the names that were put back; the text as it was given where there were none.
    """
    drawn = _drawn_fields(drawing)
    document = read_manifest(manifest)
    names: list[str] = []
    for step in document["spec"]["pipelines"]:
        for parameter in (step["spec"].get("arguments") or {}).get("parameters") or ():
            text, ran = drawn.get((step["metadata"]["name"], parameter.get("name")), ""), parameter.get("value")
            if isinstance(ran, str) and (replaced := _replaced(text, ran)):
                parameter["value"] = text
                names += replaced
    if not names:
        return manifest, ()
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True), tuple(dict.fromkeys(names))


def unbound_names(content: NodeContent, parameters: Collection[str]) -> tuple[Unbound, ...]:
    """Find the names that will still stand in the text of a step when it reaches its engine.

    :param parameters: names of all scheduling parameters that a run has.
    """
    return tuple(
        unbound
        for step in content.manifest.steps
        for field, value in step.parameters.items()
        for unbound in _unbound(step, field, value, content.global_variables, parameters)
    )


def unbound_in(manifest: Manifest) -> tuple[Unbound, ...]:
    """Find the names in a pipeline that runs by itself, without a node that would give them values."""
    return tuple(
        unbound
        for step in manifest.steps
        for field, value in step.parameters.items()
        for unbound in _unbound(step, field, value, {}, ())
    )


def unused_parameters(content: NodeContent, parameters: Collection[str]) -> tuple[str, ...]:
    """Name the parameters that the node's text does not use; positional ones are not looked for."""
    used = set(_names(content.scheduler_text))
    return tuple(name for name in parameters if name not in used and re.search("[A-Za-z_]", name))


def _drawn_fields(drawing: str) -> dict[tuple[str, str], str]:
    """The texts of a drawing with variables in them, by the names of step and field; empty where it cannot be read."""
    try:
        return {
            (node["id"], item["name"]): item["value"]
            for node in json.loads(drawing)["nodes"]
            for item in node.get("properties") or ()
            if _free(item.get("value"), ())
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _replaced(drawn: object, ran: str) -> list[str]:
    """Return the variables of a drawn text that have values in the text that ran; none where the texts differ else."""
    names = _free(drawn, ()) if isinstance(drawn, str) else []
    if not names or all(f"${{{name}}}" in ran for name in names):
        return []
    first, *others = re.split("|".join(re.escape(f"${{{name}}}") for name in names), str(drawn))
    if not ran.startswith(first) or not ran.endswith(others[-1]):
        return []
    place, end = len(first), len(ran) - len(others[-1])
    for literal in others[:-1]:
        place = ran.find(literal, place, end)
        if place < 0:
            return []
        place += len(literal)
    return names if place <= end else []


def _unbound(
    step: Step, field: str, value: Any, variables: Mapping[str, str], parameters: Collection[str]
) -> Iterator[Unbound]:
    for name in _free(value, parameters):
        # DataWorks replaces scheduling parameters first, also in the values of global variables, which come second.
        through = name if name in variables else None
        for left_over in [name] if through is None else _free(variables[name], parameters):
            yield Unbound(
                step=step,
                field=field,
                name=left_over,
                variable=through,
                is_error=_ENGINE_FIELD.search(field) is not None,
            )


def _free(value: Any, parameters: Collection[str]) -> list[str]:
    names = dict.fromkeys(_names(value))
    return [name for name in names if name not in parameters and not _NOT_A_VARIABLE.fullmatch(name)]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _names(member)
    elif isinstance(value, list):
        for member in value:
            yield from _names(member)

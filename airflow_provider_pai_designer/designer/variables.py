"""The ``${...}`` variables in the steps of a pipeline: which of them nothing gives a value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.manifest import Manifest, Step

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

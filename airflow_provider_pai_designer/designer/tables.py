"""The MaxCompute tables that a node reads and writes, as its content names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.manifest import WRITE_TABLE

_VARIABLE = re.compile(r"\$\{([\w.]+)\}")
_PART = re.compile(r"\s*(?P<column>\w+)\s*=\s*['\"]?(?P<value>[^'\"=]+?)['\"]?\s*")


@dataclass(frozen=True, kw_only=True)
class TableUse:
    """A table that is written, or one partition of it.

    :param name: ``project.table``, or ``project.schema.table``.
    :param partition: pairs of column and value; empty where the content names none, or its value is not known.
    """

    name: str
    partition: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tables:
    """What one run of a node reads from outside of its pipeline, and what it leaves behind."""

    reads: tuple[str, ...]
    writes: tuple[TableUse, ...]


def tables_of(content: NodeContent, values: Mapping[str, str], *, project: str = "") -> Tables:
    """Read which tables the steps of a node read and write.

    These are the tables of the components that read and write tables, and those that the console has listed beside the
    manifest. What a SQL text names is not read, nor of which partition a table is read: no page tells how a content
    says so. A table in whose name a variable is left over is left out.

    :param values: scheduling parameter to value, as far as they are known. They are filled in first, also in the values
        of the pipeline's global variables, which come second.
    :param project: of tables that are named without; where it is not known, they are left out.
    :raises ContentError: the manifest cannot be used.
    """

    def resolve(text: str) -> str:
        variables = {name: _replace(value, values) for name, value in content.global_variables.items()}
        return _replace(_replace(text, values), variables)

    written = [
        (str(step.parameters["outputTableName"]), str(step.parameters.get("outputTablePartition") or ""))
        for step in content.manifest.steps
        if step.identifier == WRITE_TABLE and step.parameters.get("outputTableName")
    ]
    named = {table for table, _ in written}
    written += [(table, "") for table in _listed(content, "outputs") if table not in named]
    read = [item["value"] for item in content.manifest.inputs] + _listed(content, "inputs")
    return Tables(
        reads=tuple(dict.fromkeys(name for table in read if (name := _full_name(resolve(table), project)))),
        writes=tuple(
            TableUse(name=name, partition=_read_partition(resolve(partition)))
            for table, partition in dict.fromkeys(written)
            if (name := _full_name(resolve(table), project))
        ),
    )


def _full_name(table: str, project: str) -> str:
    """Write a table with its project; empty where it cannot be told which table it is."""
    name = f"{project}.{table}" if project and "." not in table else table
    return name if "." in name and "${" not in name else ""


def _listed(content: NodeContent, member: str) -> list[str]:
    listed = content.flow.get(member)
    items = listed if isinstance(listed, list) else []
    return [str(item["value"]) for item in items if isinstance(item, Mapping) and item.get("value")]


def _read_partition(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``dt=20261122``, with more columns after a comma or a slash; empty for what is not complete."""
    parts = [_PART.fullmatch(part) for part in re.split("[,/]", text)]
    if "${" in text or not all(parts):
        return ()
    return tuple((part["column"], part["value"]) for part in parts if part)


def _replace(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)

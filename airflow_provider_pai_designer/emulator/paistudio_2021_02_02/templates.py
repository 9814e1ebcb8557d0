"""Templates of drafts: preset ones, which all workspaces see, and custom ones of a workspace.

No page describes these operations; names and types are those of the official SDK.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.emulator import flows, pai
from airflow_provider_pai_designer.emulator.operations import BOOLEAN, STRING, Caller
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.registry import SOURCE, operation
from airflow_provider_pai_designer.emulator.world import World

_TYPES = {"preset": "Undocumented.Preset", "custom": "Undocumented.Custom"}
"""What the service calls the types is not documented: nobody should write a client that relies on these."""


@operation(
    "ListTemplates",
    "GET /templates",
    {
        **pai.PAGE,
        **dict.fromkeys(("List", "Source", "TemplateType", "TypeId", "TagId", "Label", "Name", "WorkspaceId"), STRING),
        "Verbose": BOOLEAN,
        "SortBy": STRING,
        "Order": pai.ORDER,
    },
)
def list_templates(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Both types together, unless one is named."""
    for name in ("List", "SortBy"):
        if name in arguments:
            raise pai.not_supported(f"The parameter {name}, whose values are not documented,")
    rows = world.store.rows(f"SELECT * FROM templates ORDER BY number {arguments['Order']}")
    rows = [row for row in pai.named(world, rows, arguments.get("Name")) if _wanted(row, caller, arguments)]
    shown = [_item(row, verbose=arguments.get("Verbose", False)) for row in pai.page(rows, arguments)]
    return {"TotalCount": len(rows), "TemplateData": shown}


@operation("GetTemplate", "GET /templates/{TemplateId}", {"Verbose": BOOLEAN})
def get_template(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the SDK."""
    row = world.store.row("SELECT * FROM templates WHERE id = ?", arguments["TemplateId"])
    if row is None or not _visible(row, caller):
        raise pai.missing_object("Template", arguments["TemplateId"])
    content = {"Content": row["content"]} if arguments.get("Verbose") else {}
    return {**_shown(row), **content, "TemplateType": _TYPES[row["type"]]}


def _visible(row: sqlite3.Row, caller: Caller) -> bool:
    return row["workspace_id"] is None or caller.may_use(row["workspace_id"])


def _wanted(row: sqlite3.Row, caller: Caller, arguments: Mapping[str, Any]) -> bool:
    workspace, labelled = arguments.get("WorkspaceId"), "Label" in arguments
    values = {
        "TemplateType": _TYPES[row["type"]],
        "TypeId": _type_id(row),
        "TagId": _tag_id(row),
        "Source": SOURCE.default,
    }
    in_workspace = row["workspace_id"] is None or workspace in (None, str(row["workspace_id"]))
    chosen = all(arguments.get(name) in (None, value) for name, value in values.items())
    return _visible(row, caller) and in_workspace and chosen and not labelled


def _item(row: sqlite3.Row, *, verbose: bool) -> dict[str, Any]:
    template = {
        **_shown(row),
        "GmtCreateTime": pai.moment(row["created"]),
        "GmtModifiedTime": pai.moment(row["created"]),
    }
    return {
        "Template": {**template, "Content": row["content"]} if verbose else template,
        "TemplateTag": {"TagId": _tag_id(row), "Name": "Demo", "TypeId": _type_id(row)},
        "TemplateType": {"TypeId": _type_id(row), "Name": _TYPES[row["type"]]},
    }


def _shown(row: sqlite3.Row) -> dict[str, Any]:
    return {"TemplateId": row["id"], "Name": row["name"], "Description": row["description"], "Labels": []}


def _type_id(row: sqlite3.Row) -> str:
    return flows.identifier("template-type", row["type"])


def _tag_id(row: sqlite3.Row) -> str:
    return flows.identifier("template-tag", row["type"])

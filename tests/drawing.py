"""Somebody who draws in PAI Designer: changes a pipeline and runs it there, over the client's own verbs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from tests.generations import LEGACY, Generation

WRITE, MERGE = "Write Table-1", "Merge Columns-1"
"""Labels of steps in the content ``global_variable``."""


def draw(emulator: Emulator, generation: Generation = LEGACY, **fields: Any) -> str:
    """Draw a pipeline of four steps that has run as a whole, unless the fields say otherwise; return its id."""
    draft = f"draft-test-{uuid4().hex[:8]}"
    defaults = {
        "id": draft,
        "workspace_id": generation.workspace_id,
        "name": draft.removeprefix("draft-"),
        "content": "global_variable",
        "variables": {"global_var1": "20260101"},
        "ran": True,
    }
    emulator.control.seed({"drafts": [{**defaults, **fields}]})
    return draft


def redraw(hook: PaiDesignerHook, draft: str, step: str, field: str, value: str, *, label: str | None = None) -> None:
    """Give a field of a step another value, and the step perhaps another label."""
    version = hook.get_pipeline(draft).version
    content = json.loads(hook.paistudio.read_drawing(draft))
    (node,) = [node for node in content["nodes"] if node["name"] == step]
    node["name"] = label or step
    node["properties"] = [item for item in node["properties"] if item["name"] != field]
    node["properties"].append({"name": field, "value": value})
    hook.paistudio.save_drawing(draft, json.dumps(content), version=version)


def run_whole(hook: PaiDesignerHook, draft: str, wait: Callable[[Callable[[], bool]], None]) -> None:
    """Run every step of a pipeline.

    :param wait: waits until it is true what it is given.
    """
    job = hook.paistudio.create_job(draft)
    wait(lambda: hook.paistudio.read_job(job, verbose=False).status.succeeded)

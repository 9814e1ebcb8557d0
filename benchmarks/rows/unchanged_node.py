"""Ensuring a node that is as declared already."""

from __future__ import annotations

import os
import subprocess
import sys

from airflow_provider_pai_designer.emulator.launch import launch
from benchmarks.load.world import connection
from benchmarks.report import Section, at_most

CASES = ()
COUNTS_ONLY = True
_SCRIPT = """
from airflow_provider_pai_designer.designer.node import Node
from airflow_provider_pai_designer.emulator.seed import content
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
node = Node(name="benchmark", folder="Business Flow/demo/Algorithm", content=content("three_steps"))
hook = PaiDesignerHook()
for _ in range({times}):
    hook.ensure_node(node)
"""


def measure() -> Section:
    """Return the lines of this row."""
    with launch() as emulator:
        environment = os.environ | connection(emulator.url)

        def calls(times: int) -> int:
            before = emulator.control.calls()
            command = ["nice", sys.executable, "-c", _SCRIPT.format(times=times)]
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
            return emulator.control.calls() - before

        calls(1)
        once, thrice = calls(1), calls(3)
    each = (thrice - once) / 2
    return Section(
        title="Unchanged node, `ensure_node`",
        lines=[
            at_most("calls", each, 3, form="{:.0f}"),
            at_most("more calls, once per process", once - each, 2, form="{:.0f}"),
        ],
    )

"""What a user would lose: seconds at every parse of every DAG file."""

from __future__ import annotations

import json
import subprocess
import sys

PUBLIC = (
    *("operators.pai_designer", "operators.pipelines", "operators.run_pipeline"),
    *("sensors.pai_designer", "sensors.pipeline_run"),
    *("triggers.pai_designer", "triggers.pipeline_run", "hooks.pai_designer"),
)
MODULE_BUDGET = 60
HEAVY = ("alibabacloud", "darabonba", "Tea", "aiohttp", "requests", "croniter", "openlineage", "starlette", "uvicorn")

OF_EVERY_DAG_FILE = "import airflow.triggers.base; from airflow.sdk import DAG, BaseOperator"
"""What is there before us; that ``airflow.sdk`` is imported says little from Airflow 3.4 on, where it loads by need."""

OF_EVERY_PLUGIN = "import jinja2; from airflow.sdk.plugins_manager import AirflowPlugin"

SCRIPT = """
import json, sys
{present}
before = set(sys.modules)
for name in {names}:
    __import__("airflow_provider_pai_designer." + name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def imported_with(*names: str, present: str) -> list[str]:
    script = SCRIPT.format(names=names, present=present)
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    modules: list[str] = json.loads(output.splitlines()[-1])
    return modules


def test_a_dag_file_imports_little_and_no_vendor_sdk() -> None:
    modules = imported_with(*PUBLIC, present=OF_EVERY_DAG_FILE)
    assert not [name for name in modules if name.startswith(HEAVY)]
    assert len(modules) <= MODULE_BUDGET, modules


def test_the_macro_plugin_imports_nothing_but_itself_into_every_airflow_process() -> None:
    ours = ("airflow_provider_pai_designer", "airflow_provider_pai_designer.macros")
    modules = imported_with("macros.plugin", present=OF_EVERY_PLUGIN)
    assert {name for name in modules if name not in ours} == {f"{ours[1]}.plugin"}

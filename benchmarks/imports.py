"""What it costs to import the provider's operators, sensors, triggers and hook, on top of Airflow itself.

Every figure is the median over fresh processes, after one that is not counted. Peers are measured beside it where
they are installed. Run: ``.venv/bin/python benchmarks/imports.py``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys

SUBJECTS = {
    "pai_designer": (
        "airflow_provider_pai_designer.operators.pai_designer",
        "airflow_provider_pai_designer.sensors.pai_designer",
        "airflow_provider_pai_designer.triggers.pai_designer",
        "airflow_provider_pai_designer.hooks.pai_designer",
    ),
    "the macro plugin": ("airflow_provider_pai_designer.macros.plugin",),
    "the vendor's SDK alone": ("alibabacloud_dataworks_public20200518.client",),
    "databricks": ("airflow.providers.databricks.operators.databricks",),
    "dbt cloud": ("airflow.providers.dbt.cloud.operators.dbt",),
    "amazon sagemaker": ("airflow.providers.amazon.aws.operators.sagemaker",),
    "azure data factory": ("airflow.providers.microsoft.azure.operators.data_factory",),
    "google vertex ai": ("airflow.providers.google.cloud.operators.vertex_ai.pipeline_job",),
    "airbyte": ("airflow.providers.airbyte.operators.airbyte",),
}
SCRIPT = """
import json, sys, time
import airflow.sdk, airflow.triggers.base
def memory():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
modules, resident, started = len(sys.modules), memory(), time.perf_counter()
for name in {names}:
    __import__(name)
print(json.dumps([
    (time.perf_counter() - started) * 1000, len(sys.modules) - modules, (memory() - resident) / 2**20
]))
"""


def measure(names: tuple[str, ...], runs: int) -> list[float]:
    """Return the medians of milliseconds, modules and MiB."""
    figures = []
    for _ in range(runs + 1):
        command = [sys.executable, "-c", SCRIPT.format(names=names)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        figures.append(json.loads(output.splitlines()[-1]))
    return [statistics.median(column) for column in zip(*figures[1:], strict=True)]


def installed(name: str) -> bool:
    """Tell whether a module is there, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    print("| on top of airflow.sdk and airflow.triggers.base | ms | modules | MiB |\n|---|---|---|---|")
    for subject, names in SUBJECTS.items():
        if not all(installed(name) for name in names):
            print(f"| {subject} | not installed | | |")
            continue
        milliseconds, modules, mebibytes = measure(names, runs)
        print(f"| {subject} | {milliseconds:.1f} | {modules:.0f} | {mebibytes:.1f} |")


if __name__ == "__main__":
    main()

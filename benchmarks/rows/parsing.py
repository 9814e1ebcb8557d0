"""What a DAG file with fifty tasks costs to be parsed, on top of the same file with ``EmptyOperator``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.report import Line, Section, at_most
from benchmarks.rows.bench import Bench

CASES = ()
COUNTS_ONLY = False


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An operator, and a call that makes a task of it."""

    module: str
    task: str


OURS = Subject(
    module="airflow_provider_pai_designer.operators.pai_designer",
    task="PaiDesignerNodeOperator(task_id=name, node_name=name, folder='Business Flow/demo/Algorithm', "
    "content='{}', parameters={'dt': '$bizdate'}, deferrable=True)",
)
PEERS: Mapping[str, Subject] = {
    "databricks": Subject(
        module="airflow.providers.databricks.operators.databricks",
        task="DatabricksRunNowOperator(task_id=name, job_id=1, deferrable=True)",
    ),
    "dbt cloud": Subject(
        module="airflow.providers.dbt.cloud.operators.dbt",
        task="DbtCloudRunJobOperator(task_id=name, job_id=1, deferrable=True)",
    ),
    "amazon sagemaker": Subject(
        module="airflow.providers.amazon.aws.operators.sagemaker",
        task="SageMakerStartPipelineOperator(task_id=name, pipeline_name='p', deferrable=True)",
    ),
    "azure data factory": Subject(
        module="airflow.providers.microsoft.azure.operators.data_factory",
        task="AzureDataFactoryRunPipelineOperator(task_id=name, pipeline_name='p', resource_group_name='g', "
        "factory_name='f', deferrable=True)",
    ),
    "google vertex ai": Subject(
        module="airflow.providers.google.cloud.operators.vertex_ai.pipeline_job",
        task="RunPipelineJobOperator(task_id=name, project_id='p', region='r', display_name='d', "
        "template_path='t', deferrable=True)",
    ),
    "airbyte": Subject(
        module="airflow.providers.airbyte.operators.airbyte",
        task="AirbyteTriggerSyncOperator(task_id=name, connection_id='c', deferrable=True)",
    ),
}
_EMPTY = Subject(module="airflow.providers.standard.operators.empty", task="EmptyOperator(task_id=name)")

_SCRIPT = """
import json, sys, time
from datetime import datetime
import airflow.sdk
from airflow.sdk import DAG
def memory():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
modules, resident, started = len(sys.modules), memory(), time.perf_counter()
from {module} import {operator}
imported = time.perf_counter()
with DAG("benchmark", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    previous = None
    for number in range(50):
        name = f"task_{{number}}"
        task = {task}
        if previous is not None:
            previous >> task
        previous = task
parsed = time.perf_counter()
print(json.dumps([
    (parsed - started) * 1000, (imported - started) * 1000, len(sys.modules) - modules, (memory() - resident) / 2**20
]))
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Medians over fresh processes.

    :param parse: milliseconds of the whole file.
    :param load: milliseconds of the import alone.
    """

    parse: float
    load: float
    modules: float
    mebibytes: float


def measure(bench: Bench) -> Section:
    """Return the lines of this row."""
    runs = 7 if bench.full else 3
    empty, ours = cost(_EMPTY, runs), cost(OURS, runs)
    peers = {name: cost(subject, runs) for name, subject in PEERS.items()}

    def beside(member: str, form: str) -> str:
        return "; ".join(
            f"{name} {form.format(getattr(peer, member) - getattr(empty, member))}" for name, peer in peers.items()
        )

    return Section(
        title="DAG parse: a file of 50 tasks, over the same with `EmptyOperator`",
        notes=f"Fresh processes in which `airflow.sdk` is imported already, median of {runs}. "
        f"The file with `EmptyOperator` takes {empty.parse:.0f} ms.",
        lines=[
            at_most("time", ours.parse - empty.parse, 40, form="{:.0f} ms", beside=beside("parse", "{:.0f}")),
            Line(
                what="of that, the import",
                measured=f"{ours.load - empty.load:.0f} ms",
                beside=beside("load", "{:.0f}"),
            ),
            at_most("modules", ours.modules - empty.modules, 60, form="{:.0f}", beside=beside("modules", "{:.0f}")),
            at_most(
                "memory", ours.mebibytes - empty.mebibytes, 2, form="{:.1f} MiB", beside=beside("mebibytes", "{:.1f}")
            ),
        ],
    )


def cost(subject: Subject, runs: int) -> Cost:
    """Measure a file with tasks of one operator."""
    script = _SCRIPT.format(module=subject.module, operator=subject.task.partition("(")[0], task=subject.task)
    figures = []
    for _ in range(runs):
        output = subprocess.run(
            [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ).stdout
        figures.append(json.loads(output.splitlines()[-1]))
    parse, load, modules, mebibytes = (median(column) for column in zip(*figures, strict=True))
    return Cost(parse=parse, load=load, modules=modules, mebibytes=mebibytes)

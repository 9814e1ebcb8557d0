"""From a template to a node: create a pipeline, run it once, deploy it as a node, Test that, and read its metrics.

A new pipeline has never run, and a node carries what has run as a whole in PAI Designer. So it is run there once before
it is loaded. When this DAG runs again, the pipeline is there already, and runs as it is drawn by then.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator
from airflow_provider_pai_designer.operators.pipelines import PaiDesignerCreatePipelineOperator
from airflow_provider_pai_designer.operators.run_pipeline import PaiDesignerRunPipelineOperator
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor


@task
def read_metrics(tested: Any) -> list[Any]:
    """Return the metrics of the run in PAIFlow that the log of the node's instance names."""
    hook = PaiDesignerHook()
    (instance,) = hook.get_run(Run.from_dict(tested)).instances
    run_id = hook.get_log(instance, tested["environment"]).pipeline_run_id
    outputs = hook.paiflow.list_outputs(hook.paiflow.get_run(run_id))
    return [output.value for output in outputs if output.type == "Metrics"]


with DAG(
    "example_pai_designer_from_template",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["example", "pai_designer"],
) as dag:
    create = PaiDesignerCreatePipelineOperator(
        task_id="create",
        pipeline="from_template",
        template="template-demo-binary",
    )

    # every step, as the button Run of PAI Designer does
    run_once = PaiDesignerRunPipelineOperator(
        task_id="run_once",
        pipeline_id=create.output,
        in_designer=True,
        poll_interval=1,
    )

    # deploys it to the development environment and starts a Test there
    test = PaiDesignerNodeOperator(
        task_id="test",
        node_name="from_template",
        folder="Business Flow/demo/Algorithm",
        pipeline_id=create.output,
        wait_for_completion=False,
    )

    wait = PaiDesignerRunSensor(task_id="wait", run=test.output, poke_interval=1, timeout=3600)

    run_once >> test
    read_metrics(wait.output)

"""A hand on the emulator's new Data Studio: the vendor's own SDK of 2024-05-18."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.emulator.seed import content
from tests.emulator.support import DataWorks, RefusedError

STANDARD, SIMPLE = 100003, 100004
NAMES = {STANDARD: "demo_studio_project", SIMPLE: "demo_studio_mc_project"}
DAY = "2026-11-22"
SAMPLES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))["reply"]
    for path in sorted((Path(__file__).parent / "vendor_replies" / "2024-05-18").glob("*.json"))
}
"""The vendor's sample replies."""
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class DataStudio:
    """The official SDK on a running emulator whose clock stands still."""

    dataworks: DataWorks

    def call(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Call an operation, with its parameters under the vendor's names, and return the whole reply."""
        from alibabacloud_dataworks_public20240518 import models
        from alibabacloud_dataworks_public20240518.client import Client
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
        from alibabacloud_tea_openapi.models import Config
        from darabonba.runtime import RuntimeOptions

        config = Config(
            access_key_id=self.dataworks.access_key_id,
            access_key_secret=self.dataworks.access_key_secret,
            endpoint=self.dataworks.emulator.url.removeprefix("http://"),
            protocol="http",
        )
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower() + "_with_options"
        request = getattr(models, f"{operation}Request")().from_map(fields)
        try:
            reply: dict[str, Any] = getattr(Client(config), method)(request, RuntimeOptions()).body.to_map()
        except AlibabaCloudException as error:
            raise RefusedError(error.status_code, error.code, error.message) from None
        return reply

    def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.dataworks.advance(seconds)

    def create(self, project: int = STANDARD, **changes: Any) -> str:
        """Create a Designer node; return its id."""
        return str(self.call("CreateNode", ProjectId=project, Scene="DATAWORKS_PROJECT", Spec=spec(**changes))["Id"])

    def update(self, node_id: str, project: int = STANDARD, **changes: Any) -> None:
        """Change some members of a node."""
        document = {"version": "1.1.0", "kind": "Node", "spec": {"nodes": [{"id": node_id, **changes}]}}
        self.call("UpdateNode", ProjectId=project, Id=node_id, Spec=json.dumps(document))

    def node(self, node_id: str, project: int = STANDARD) -> dict[str, Any]:
        """Read a node."""
        found: dict[str, Any] = self.call("GetNode", ProjectId=project, Id=node_id)["Node"]
        return found

    def spec_of(self, node_id: str, project: int = STANDARD) -> dict[str, Any]:
        """Read the definition of a node, decoded."""
        node: dict[str, Any] = json.loads(self.node(node_id, project)["Spec"])["spec"]["nodes"][0]
        return node

    def parents(self, node_id: str, project: int = STANDARD) -> list[str]:
        """Return the names of the nodes that a node depends on."""
        reply = self.call("ListNodeDependencies", ProjectId=project, Id=node_id)
        return [node["Name"] for node in reply["PagingInfo"]["Nodes"]]

    def start_publishing(self, node_id: str, project: int = STANDARD, **fields: Any) -> str:
        """Start a publishing run and let its first stage end; return its id."""
        request = {"ProjectId": project, "Type": "Online", "ObjectIds": [node_id], **fields}
        run = str(self.call("CreatePipelineRun", **request)["Id"])
        self.advance(2)
        return run

    def execute(self, run: str, *codes: str, project: int = STANDARD) -> None:
        """Ask for stages, one after the other."""
        for code in codes:
            self.call("ExecPipelineRunStage", ProjectId=project, Id=run, Code=code)
            self.advance(2)

    def pipeline(self, run: str, project: int = STANDARD) -> dict[str, Any]:
        """Read a publishing run."""
        found: dict[str, Any] = self.call("GetPipelineRun", ProjectId=project, Id=run)["Pipeline"]
        return found

    def publish(self, node_id: str, project: int = STANDARD, **fields: Any) -> dict[str, Any]:
        """Publish a node and return the run."""
        run = self.start_publishing(node_id, project, RunMode="Auto", **fields)
        self.advance(60)
        return self.pipeline(run, project)

    def task(self, project: int = STANDARD, **changes: Any) -> int:
        """Create and publish a node; return the id of its task."""
        node_id = self.create(project, **changes)
        assert self.publish(node_id, project)["Status"] == "Success"
        return int(self.node(node_id, project)["TaskId"])

    def start(self, **fields: Any) -> dict[str, Any]:
        """Start runs, wait until they are made, and return the outcome."""
        operation = self.call("CreateWorkflowInstances", **fields)["OperationId"]
        # long enough for them to be made, too short for them to begin
        self.advance(0.75)
        result: dict[str, Any] = self.call("GetCreateWorkflowInstancesResult", OperationId=operation)["Result"]
        return result

    def test(self, task_id: int, **fields: Any) -> int:
        """Start a test in development; return the id of its workflow instance."""
        (run,) = self.start(**{**smoke_fields(task_id), **fields})["WorkflowInstanceIds"]
        return int(run)

    def workflow(self, run: int) -> dict[str, Any]:
        """Read a workflow instance."""
        found: dict[str, Any] = self.call("GetWorkflowInstance", Id=run)["WorkflowInstance"]
        return found

    def instances(self, run: int, **fields: Any) -> list[dict[str, Any]]:
        """List the task instances of a workflow instance."""
        workflow = self.workflow(run)
        request = {"ProjectId": workflow["ProjectId"], "Bizdate": workflow["BizDate"], "WorkflowInstanceId": run}
        return list(self.call("ListTaskInstances", **{**request, **fields})["PagingInfo"]["TaskInstances"])

    def instance(self, run: int) -> dict[str, Any]:
        """Return the only task instance of a workflow instance."""
        (found,) = self.instances(run)
        return found

    def refused(self, operation: str, **fields: Any) -> RefusedError:
        """Call an operation that is refused, and return the refusal."""
        try:
            reply = self.call(operation, **fields)
        except RefusedError as error:
            return error
        raise AssertionError(f"{operation} was not refused: {reply}")


def spec(*, version: str = "1.1.0", depends: list[dict[str, str]] | None = None, **changes: Any) -> str:
    """Return the FlowSpec of a Designer node whose name is new; ``changes`` replace members of the node."""
    name = changes.get("name", f"node_{next(_NUMBERS)}")
    node = {
        "id": name,
        "name": name,
        "script": {
            "path": f"designer/{name}",
            "runtime": {"command": "PAI_STUDIO"},
            "content": content("global_variable"),
            "parameters": [
                {
                    "name": "bizdate",
                    "type": "System",
                    "scope": "NodeParameter",
                    "value": "$bizdate",
                    "artifactType": "Variable",
                }
            ],
        },
        # not scheduled by itself, at whatever time of the day the tests run
        "trigger": {"type": "Scheduler", "cron": "00 05 00 * * ?", "startTime": "2099-01-01 00:00:00"},
        **changes,
    }
    edges = {} if depends is None else {"flow" if version == "1.1.0" else "dependencies": _edges(node["id"], depends)}
    return json.dumps({"version": version, "kind": "Node", "spec": {"nodes": [node], **edges}})


def _edges(node_id: str, depends: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [{"nodeId": node_id, "depends": depends}]


def on_root(project: int = STANDARD) -> list[dict[str, str]]:
    """Return the dependency on the root of a workspace."""
    return [{"type": "Normal", "output": f"{NAMES[project]}_root"}]


def output(name: str) -> dict[str, Any]:
    """Return the outputs of a node that has one."""
    return {"nodeOutputs": [{"data": name, "artifactType": "NodeOutput"}]}


def period(first: str = DAY, last: str = DAY) -> dict[str, str]:
    """Return a range of business dates."""
    return {"StartBizDate": first, "EndBizDate": last}


def smoke_fields(task_id: int) -> dict[str, Any]:
    """Return the parameters of a test in development."""
    return {
        "ProjectId": STANDARD,
        "Name": "a test",
        "Type": "SmokeTest",
        "WorkflowId": 1,
        "EnvType": "Dev",
        "DefaultRunProperties": {"RootTaskIds": [task_id]},
        "Periods": {"BizDates": [period()]},
    }


def backfill_fields(task_id: int, properties: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return the parameters of a backfill of three business dates in production, one after the other."""
    return {
        **smoke_fields(task_id),
        "Name": "a backfill",
        "Type": "SupplementData",
        "EnvType": "Prod",
        "DefaultRunProperties": {
            "RootTaskIds": [task_id],
            "Parallelism": 1,
            "Analysis": {"Enabled": False, "Blocked": False},
            **(properties or {}),
        },
        "Periods": {"BizDates": [period("2026-11-20", DAY)]},
        **fields,
    }


def midnight(day: str) -> int:
    """Return when a day begins in the time zone of the workspaces, epoch milliseconds."""
    moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    return int(moment.timestamp() * 1000)

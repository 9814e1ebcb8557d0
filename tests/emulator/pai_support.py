"""A hand on the emulator's PAI: the vendor's own SDKs of PAIFlow and PaiStudio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.emulator.seed import content
from tests.emulator.support import DataWorks, RefusedError

WORKSPACE = "100001"
CHURN, DAILY, NEVER_RUN = "draft-demo-churn", "draft-demo-daily", "draft-demo-never-run"
MANIFEST = str(NodeContent.parse(content("three_steps")).flow["paiflowPipeline"])
BIG_MANIFEST = str(NodeContent.parse(content("thirteen_steps")).flow["paiflowPipeline"])
ARGUMENTS = str(NodeContent.parse(content("three_steps")).flow["paiflowArguments"])


def samples(service: str) -> dict[str, Any]:
    """Return the vendor's samples of a service: the reply of each operation, and its request schema where published."""
    folder = Path(__file__).parent / "vendor_replies" / service
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def broken(change: str) -> str:
    """Return a manifest that cannot run: ``cycle``, ``dangling`` or ``duplicate``."""
    document = yaml.safe_load(MANIFEST)
    first, *_, last = document["spec"]["pipelines"]
    if change == "cycle":
        first["spec"]["dependencies"] = [last["metadata"]["name"]]
        last["spec"]["dependencies"] = [first["metadata"]["name"]]
    elif change == "dangling":
        reference = "{{pipelines.id-gone.outputs.artifacts.outputTable}}"
        last["spec"]["arguments"]["artifacts"] = [{"name": "inputTable1", "from": reference}]
    else:
        last["metadata"]["name"] = first["metadata"]["name"]
    return str(yaml.safe_dump(document))


@dataclass(frozen=True, kw_only=True)
class Pai:
    """The official SDKs on a running emulator whose clock stands still."""

    dataworks: DataWorks

    def flow(self, operation: str, *identities: str, **fields: Any) -> dict[str, Any]:
        """Call an operation of PAIFlow: ids of the path first, then parameters under the vendor's names."""
        from alibabacloud_paiflow20210202 import models
        from alibabacloud_paiflow20210202.client import Client

        return self._call(Client, models, operation, identities, fields)

    def studio(self, operation: str, *identities: str, **fields: Any) -> dict[str, Any]:
        """Call an operation of PaiStudio likewise."""
        from alibabacloud_paistudio20210202 import models
        from alibabacloud_paistudio20210202.client import Client

        return self._call(Client, models, operation, identities, fields)

    def send(self, operation: str, address: str, body: Any = None, **query: str) -> dict[str, Any]:
        """Send a request with the vendor's transport, past the models of its SDKs."""
        from alibabacloud_tea_openapi.client import Client
        from alibabacloud_tea_openapi.models import OpenApiRequest, Params
        from darabonba.runtime import RuntimeOptions

        method, path = address.split(" ")
        params = Params(
            action=operation,
            version="2021-02-02",
            protocol="HTTP",
            pathname=path,
            method=method,
            auth_type="AK",
            style="ROA",
            req_body_type="json",
            body_type="json",
        )
        request = OpenApiRequest(headers={}, query=query, body=body)
        with _refusals():
            reply: dict[str, Any] = Client(self._config()).call_api(params, request, RuntimeOptions())["body"]
        return reply

    def run(self, **fields: Any) -> str:
        """Create a run, of three steps unless something else is given; return its id."""
        defaults: dict[str, Any] = {"WorkspaceId": WORKSPACE, "Name": "a run", "NoConfirmRequired": True}
        if "PipelineId" not in fields:
            defaults["PipelineManifest"] = MANIFEST
        return str(self.flow("CreatePipelineRun", **{**defaults, **fields})["PipelineRunId"])

    def status(self, run: str) -> str:
        """Return the status of a run."""
        return str(self.flow("GetPipelineRun", run)["Status"])

    def steps(self, run: str) -> dict[str, dict[str, Any]]:
        """Return the nodes of the steps of a run by their labels, in order."""
        root = self.flow("GetPipelineRun", run)["NodeId"]
        tree = self.flow("GetPipelineRunNode", run, root, Depth=2)
        return {node["Metadata"]["DisplayName"]: node for node in tree["Spec"]["Pipelines"]}

    def statuses(self, run: str) -> list[str]:
        """Return the statuses of the steps of a run, in order."""
        return [node["StatusInfo"]["Status"] for node in self.steps(run).values()]

    def job(self, draft: str, **fields: Any) -> dict[str, Any]:
        """Create a job and return it."""
        identity = self.studio("CreateJob", **{"PipelineDraftId": draft, "ExecuteType": "EXECUTE_ALL", **fields})
        return self.studio("GetJob", identity["JobId"], Verbose=True)

    def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.dataworks.advance(seconds)

    def _config(self) -> Any:
        from alibabacloud_tea_openapi.models import Config

        return Config(
            access_key_id=self.dataworks.access_key_id,
            access_key_secret=self.dataworks.access_key_secret,
            endpoint=self.dataworks.emulator.url.removeprefix("http://"),
            protocol="http",
        )

    def _call(
        self, client: Any, models: ModuleType, operation: str, identities: tuple[str, ...], fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        from darabonba.runtime import RuntimeOptions

        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower() + "_with_options"
        model = getattr(models, f"{operation}Request", None)
        request = [model().from_map(dict(fields))] if model else []
        sdk, received = client(self._config()), []
        call_api = sdk.call_api

        def keep(*sent: Any) -> Any:
            received.append(call_api(*sent))
            return received[-1]

        sdk.call_api = keep
        with _refusals():
            reply: dict[str, Any] = getattr(sdk, method)(*identities, *request, {}, RuntimeOptions()).body.to_map()
        # what the SDK does not know would never reach a client of the vendor's
        assert reply == received[0]["body"]
        return reply


@contextmanager
def _refusals() -> Iterator[None]:
    from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

    try:
        yield
    except AlibabaCloudException as error:
        raise RefusedError(error.status_code, error.code, error.message) from None

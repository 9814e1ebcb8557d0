"""A hand on the emulator: the vendor's own SDK, and the simulated clock."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from airflow_provider_pai_designer.emulator.dataworks_2020_05_18 import OPERATIONS
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.emulator.seed import content

STANDARD, BASIC = 100001, 100002
ROOT = {STANDARD: "demo_project_root", BASIC: "demo_mc_project_root"}
FOLDER = "Business Flow/demo/Algorithm"
FAR_FUTURE = 4070880000000
BUSINESS_DATE = "2026-11-22 00:00:00"
SAMPLES = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "vendor_replies").glob("*.json"))
    if path.stem in OPERATIONS
}
"""The vendor's sample reply and request schema of every operation that the emulator has."""
_NUMBERS = itertools.count(1)
_OPENER = build_opener(ProxyHandler({}))


class RefusedError(Exception):
    """The service refused: ``http`` is 200 for a reply with ``Success`` false."""

    def __init__(self, http: int, code: str, message: str) -> None:
        super().__init__(f"{http} {code}: {message}")
        self.http = http
        self.code = code


@dataclass(frozen=True, kw_only=True)
class DataWorks:
    """The official SDK on a running emulator whose clock stands still."""

    emulator: Emulator
    access_key_id: str = "LTAI-emulator-demo"
    access_key_secret: str = "emulator-demo-secret"

    def reply(self, operation: str, headers: Mapping[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        """Call an operation and return the whole reply; ``headers`` replace those that the SDK would send."""
        from alibabacloud_dataworks_public20200518 import models
        from alibabacloud_dataworks_public20200518.client import Client
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
        from alibabacloud_tea_openapi.models import Config
        from darabonba.runtime import ExtendsParameters, RuntimeOptions

        config = Config(
            access_key_id=self.access_key_id,
            access_key_secret=self.access_key_secret,
            endpoint=self.emulator.url.removeprefix("http://"),
            protocol="http",
        )
        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower() + "_with_options"
        request = getattr(models, f"{operation}Request")(**fields)
        runtime = RuntimeOptions(extends_parameters=ExtendsParameters(headers=dict(headers or {})))
        try:
            reply: dict[str, Any] = getattr(Client(config), method)(request, runtime).body.to_map()
        except AlibabaCloudException as error:
            raise RefusedError(error.status_code, error.code, error.message) from None
        return reply

    def call(self, operation: str, **fields: Any) -> Any:
        """Call an operation and return its data."""
        reply = self.reply(operation, **fields)
        if reply.get("Success") is False:
            raise RefusedError(200, reply["ErrorCode"], reply["ErrorMessage"])
        return reply.get("Data")

    def advance(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.emulator.control.clock.advance(seconds)

    def create_file(self, workspace: int = STANDARD, **fields: Any) -> int:
        """Create a Designer node's file that can be submitted; its name is new."""
        defaults = {
            "project_id": workspace,
            "file_name": f"node_{next(_NUMBERS)}",
            "file_type": 1117,
            "file_folder_path": FOLDER,
            "content": content("global_variable"),
            "para_value": "bizdate=$bizdate",
            "input_list": ROOT[workspace],
            "cron_express": "00 05 00 * * ?",
            # not scheduled by itself, at whatever time of the day the tests run
            "start_effect_date": FAR_FUTURE,
        }
        return int(self.call("CreateFile", **{**defaults, **fields}))

    def release(self, file_id: int, workspace: int = STANDARD) -> int:
        """Submit and deploy a file, and return the id of its node."""
        for operation in ("SubmitFile", "DeployFile") if workspace == STANDARD else ("DeployFile",):
            self.call(operation, project_id=workspace, file_id=file_id)
            self.advance(5)
        return int(self.file(file_id, workspace)["File"]["NodeId"])

    def create_node(self, workspace: int = STANDARD, **fields: Any) -> int:
        """Create, submit and deploy a Designer node."""
        return self.release(self.create_file(workspace, **fields), workspace)

    def file(self, file_id: int, workspace: int = STANDARD) -> dict[str, Any]:
        """Read a file."""
        found: dict[str, Any] = self.call("GetFile", project_id=workspace, file_id=file_id)
        return found

    def deployment(self, deployment_id: int, workspace: int = STANDARD) -> dict[str, Any]:
        """Read a deployment."""
        found: dict[str, Any] = self.call("GetDeployment", project_id=workspace, deployment_id=deployment_id)
        return found["Deployment"]  # type: ignore[no-any-return]

    def start_test(self, node_id: int, environment: str = "DEV", **fields: Any) -> int:
        """Start a test and return the id of its run."""
        defaults = {"node_id": node_id, "project_env": environment, "bizdate": BUSINESS_DATE, "name": "a test"}
        return int(self.call("RunSmokeTest", **{**defaults, **fields}))

    def instances(self, run: int, environment: str = "DEV", workspace: int = STANDARD) -> list[dict[str, Any]]:
        """List the instances of a run."""
        data = self.call("ListInstances", project_id=workspace, project_env=environment, dag_id=run, page_size=100)
        return list(data["Instances"])

    def instance(self, run: int, environment: str = "DEV", workspace: int = STANDARD) -> dict[str, Any]:
        """Return the only instance of a run."""
        (found,) = self.instances(run, environment, workspace)
        return found

    def log(self, run: int, environment: str = "DEV", workspace: int = STANDARD) -> str:
        """Return the log of the only instance of a run."""
        identity = self.instance(run, environment, workspace)["InstanceId"]
        return str(self.call("GetInstanceLog", instance_id=identity, project_env=environment))

    def tested(self, environment: str = "DEV", bizdate: str = BUSINESS_DATE, **fields: Any) -> int:
        """Create a node, test it, let an hour pass, and return the id of the run."""
        run = self.start_test(self.create_node(**fields), environment, bizdate=bizdate)
        self.advance(3600)
        return run


def backfill_fields(node_id: int, environment: str = "DEV", **fields: Any) -> dict[str, Any]:
    """Return the fields of a backfill over three business dates, one after the other."""
    return {
        "root_node_id": node_id,
        "include_node_ids": str(node_id),
        "project_env": environment,
        "name": "a backfill",
        "start_biz_date": "2026-11-20 00:00:00",
        "end_biz_date": BUSINESS_DATE,
        "parallelism": False,
        **fields,
    }


def get(
    url: str, parameters: Mapping[str, str], headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Send parameters in the query string, without an SDK; return status and reply."""
    return _send(Request(f"{url}/?{urlencode(parameters)}", headers=dict(headers or {})))


def send(url: str, *, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """Send a request without the SDK; return status and reply."""
    return _send(Request(url, data=body, headers=dict(headers), method="POST"))


def _send(request: Request) -> tuple[int, dict[str, Any]]:
    try:
        with _OPENER.open(request, timeout=10) as reply:
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            text = error.read().decode()
        return error.code, json.loads(text) if text.startswith("{") else {"text": text}


def signed_headers(url: str, *, body: bytes, **changes: str | None) -> dict[str, str]:
    """Sign a request for GetProject as the vendor's library does; ``changes`` are made before it is signed."""
    from hashlib import sha256
    from types import SimpleNamespace

    from alibabacloud_tea_openapi.utils import Utils

    digest = sha256(body).hexdigest()
    given: dict[str, str | None] = {
        "host": url.removeprefix("http://"),
        "content-type": "application/x-www-form-urlencoded",
        "x-acs-action": "GetProject",
        "x-acs-version": "2020-05-18",
        "x-acs-date": Utils.get_timestamp(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        "x-acs-content-sha256": digest,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    headers = {name: value for name, value in given.items() if value is not None}
    request = SimpleNamespace(method="POST", pathname="/", query={}, headers=headers)
    authorization = Utils.get_authorization(
        request, "ACS3-HMAC-SHA256", digest, "LTAI-emulator-demo", "emulator-demo-secret"
    )
    return {**headers, "Authorization": authorization}

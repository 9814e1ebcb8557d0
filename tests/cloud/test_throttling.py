"""What a user would lose: where calls are rationed, tasks would fail, or use up the day's calls by repeating them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import QuotaExhaustedError
from tests.cloud.support import client_of
from tests.emulator.support import DataWorks, RefusedError

BUSY = {"behaviour": "http", "operation": "GetProject", "retry_after": 600}


def document(edition: str) -> dict[str, Any]:
    workspace = {"id": 100001, "identifier": "demo_project", "edition": edition}
    return {"workspaces": [workspace], "quota": "enforced"}


def workspace(emulator: Emulator) -> int:
    reply = client_of(emulator).read("GetProject", project_identifier="demo_project")
    return int(reply["Data"]["ProjectId"])


@pytest.mark.parametrize("status", [429, 503])
def test_a_read_is_made_again_when_the_service_said(status: int) -> None:
    with launch(seed={"faults": [{**BUSY, "status": status, "code": "Throttling.System"}]}) as emulator:
        began = time.monotonic()
        assert workspace(emulator) == 100001
        assert time.monotonic() - began >= 0.6
        assert emulator.control.calls("GetProject") == 2


def test_the_vendors_client_reads_how_long_to_wait() -> None:
    from alibabacloud_dataworks_public20200518.client import Client
    from alibabacloud_dataworks_public20200518.models import GetProjectRequest
    from alibabacloud_tea_openapi.exceptions import ThrottlingException
    from alibabacloud_tea_openapi.models import Config

    with launch(seed={"faults": [{**BUSY, "status": 429, "code": "Throttling.User"}]}) as emulator:
        config = Config(
            access_key_id=emulator.access_key_id,
            access_key_secret=emulator.access_key_secret,
            endpoint=emulator.url.removeprefix("http://"),
            protocol="http",
        )
        with pytest.raises(ThrottlingException) as caught:
            Client(config).get_project(GetProjectRequest(project_id=100001))
    assert (caught.value.code, caught.value.retry_after) == ("Throttling.User", 600)


def test_an_account_with_five_calls_a_second_gets_all_its_reads() -> None:
    with launch(seed=document("standard")) as emulator:
        assert [workspace(emulator) for _ in range(8)] == [100001] * 8


def test_a_day_that_is_used_up_is_an_error_that_is_not_repeated() -> None:
    """Every repetition would be one more failed call, and none can come through before tomorrow."""
    with launch(seed=document("basic")) as emulator:
        emulator.control.clock.freeze()
        for _ in range(100):
            with suppress(RefusedError):
                DataWorks(emulator=emulator).reply("GetProject", project_id=100001)
        with pytest.raises(QuotaExhaustedError, match=r"Throttling\.Api\.Risk.*wait for tomorrow"):
            workspace(emulator)
        used_up = [count.calls for count in emulator.control.counters() if count.outcome == "Throttling.Api.Risk"]
        assert used_up == [1]

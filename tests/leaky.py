"""Tests that let a secret out in every way that ``leaks`` watches, and some that do not; ``test_secrets`` runs them."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseHook
from airflow.triggers.base import TriggerEvent
from structlog.testing import capture_logs

from airflow_provider_pai_designer.cloud.credentials import Credentials, CredentialsClient
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.emulator.launch import launch
from airflow_provider_pai_designer.operators.base import RunOperator
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger
from tests.operators.support import Task

SECRET, TOKEN = "secret-of-the-account", "token-of-the-session"
KEY = Credentials(authentication="sts", access_key_id="LTAI-leaky", access_key_secret=SECRET, security_token=TOKEN)
RUN = {"run_name": "r", "node_id": 1, "environment": "DEV", "business_date": "2026-11-22", "remote_dag_ids": [1]}


class Leaky(RunOperator):
    """A task that returns, or fails with, what it is given."""

    def __init__(self, *, result: Any = None, error: Exception | None = None, **arguments: Any) -> None:
        super().__init__(task_id="leaky", wait_for_completion=False, **arguments)
        self.result = result
        self.error = error

    def _begin(self, context: Any) -> dict[str, Any]:
        if self.error:
            raise ValueError("it failed") from self.error
        return {**RUN, "parameters": self.result}


@pytest.fixture(autouse=True, scope="module")
def key_in_use() -> CredentialsClient:
    return CredentialsClient(KEY, on_secret=lambda _: None)


def test_stdout_leaks() -> None:
    sys.stdout.write(TOKEN)


def test_stderr_leaks() -> None:
    sys.stderr.write(SECRET)


def test_child_process_leaks() -> None:
    os.system(f"echo {SECRET}")


def test_debug_record_leaks() -> None:
    logging.getLogger("urllib3.connectionpool").debug("GET /?AccessKeySecret=%s", SECRET)


def test_traceback_in_record_leaks() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError:
        logging.getLogger("somebody").exception("it failed")


def test_task_log_leaks() -> None:
    BaseHook().log.warning("the key is %s", SECRET)


def test_captured_task_log_leaks() -> None:
    with capture_logs():
        BaseHook().log.warning("the key is %s", SECRET)


def test_result_leaks() -> None:
    Leaky(result=SECRET).execute(Task().context)


def test_xcom_leaks() -> None:
    Task().context["ti"].xcom_push(key="key", value=SECRET)


def test_state_leaks() -> None:
    Task().store.set("key", {"password": SECRET})


def test_rendered_field_leaks() -> None:
    Leaky(workspace=SECRET).execute(Task().context)


def test_cause_of_an_error_leaks() -> None:
    with pytest.raises(ValueError, match="it failed"):
        Leaky(error=KeyError(SECRET)).execute(Task().context)


def test_attribute_of_an_error_leaks() -> None:
    error = OSError("harmless")
    error.request = SimpleNamespace(headers={"x-acs-security-token": TOKEN})  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="it failed"):
        Leaky(error=error).execute(Task().context)


def test_trigger_leaks() -> None:
    PaiDesignerRunTrigger(pai_designer_conn_id="c", run={**RUN, "key": SECRET}).serialize()


def test_event_leaks() -> None:
    TriggerEvent({"message": SECRET})


def test_call_leaks() -> None:
    gateway = Gateway(endpoint=Endpoint(protocol="http", host="127.0.0.1:1"), credentials=KEY)
    with pytest.raises(AttributeError):
        gateway.read(SECRET)


def test_page_of_the_emulator_leaks() -> None:
    with launch() as emulator:
        emulator.control.seed({"steps": [{"behaviour": "fail", "step": "*", "message": SECRET}]})
        emulator.control.state()


def test_log_of_the_emulator_leaks(tmp_path: Path) -> None:
    with launch(data=tmp_path):
        (tmp_path / "emulator.log").write_text(SECRET)


def test_key_that_is_read_later_leaks() -> None:
    later = Credentials(access_key_id="LTAI-later", access_key_secret="secret-of-another-account")
    CredentialsClient(later, on_secret=lambda _: None).get_credential()
    sys.stdout.write("secret-of-another-account")


def test_connection_is_no_output() -> None:
    with launch(seed={"access_keys": [{"id": "LTAI-leaky", "secret": SECRET}]}) as emulator:
        assert emulator.access_key_secret == SECRET


def test_task_without_a_secret_is_fine() -> None:
    Leaky(result="bizdate=20261122").execute(Task().context)
    sys.stdout.write("LTAI-leaky")


def test_file_of_airflow_leaks() -> None:
    (Path(os.environ["AIRFLOW_HOME"]) / "task.log").write_text(SECRET)

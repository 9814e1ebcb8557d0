"""No secret leaves the provider: all that the tests of the suite bring about is searched for the keys in use.

A pytest plugin. The keys are those with which the provider signs calls while the tests run, temporary ones and their
tokens too. They are looked for in what is printed and logged (from DEBUG on), in the rendered fields, results, XComs,
kept state, trigger arguments, events and errors of tasks, in the errors of calls, in what the emulator shows and logs,
and in the files of Airflow. What holds keys by its nature is no output: a connection, and the emulator's table of keys.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from airflow.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pai_designer.cloud.credentials import CredentialsClient
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.emulator.control_client import Control
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.operators.base import AwaitOperator
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerDeleteNodeOperator,
    PaiDesignerDeployNodeOperator,
)
from airflow_provider_pai_designer.sensors.pai_designer import AwaitSensor
from airflow_provider_pai_designer.triggers.pai_designer import AwaitTrigger
from tests.e2e.real_airflow import RealAirflow
from tests.operators.support import Store, Task

_SHORTEST = 12
"""Characters of a secret that can be told from a word."""


class Leaks:
    """Knows the secrets in use, and where they were seen."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.found: list[str] = []

    def learn(self, *secrets: str | None) -> None:
        """Look for these too, from now on."""
        self.secrets.update(secret for secret in secrets if secret and len(secret) >= _SHORTEST)

    def look(self, where: str, *outputs: Any) -> None:
        """Search what came out."""
        for text in map(_text, outputs):
            self.found += [f"{where}: {_around(text, secret)}" for secret in self.secrets if secret in text]

    def look_into(self, folder: Path) -> None:
        """Search the files of a folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.look(str(path.relative_to(folder)), path.read_text(encoding="utf-8", errors="replace"))

    def taken(self) -> list[str]:
        """Return what was found, and forget it."""
        found, self.found = list(dict.fromkeys(self.found)), []
        return found


LEAKS = Leaks()


def _text(output: Any) -> str:
    """What of an output a user or a log could see."""
    if isinstance(output, BaseException):
        return " ".join(f"{link!s} {link!r} {vars(link)!r}" for link in _chain(output))
    if isinstance(output, BaseOperator):
        return repr({name: getattr(output, name, None) for name in output.template_fields})
    if isinstance(output, BaseTrigger) or (isinstance(output, dict) and "ti" in output):
        return ""  # stored in its serialised form, which is searched; a context is not stored at all
    return output if isinstance(output, str) else repr(output)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _around(text: str, secret: str) -> str:
    place = text.find(secret)
    return text[max(0, place - 60) : place + len(secret) + 60].replace(secret, "<here>").replace("\n", " ")


def _watched(where: str, function: Callable[..., Any], *, errors_only: bool = False) -> Callable[..., Any]:
    """Look at what goes through a function: arguments, result, error."""

    @functools.wraps(function)
    def watch(*arguments: Any, **options: Any) -> Any:
        try:
            result = function(*arguments, **options)
        except BaseException as error:
            LEAKS.look(f"error of {where}", error)
            raise
        if not errors_only:
            LEAKS.look(where, *arguments, *options.values(), result)
        return result

    return watch


def _watch(patch: pytest.MonkeyPatch, owner: type, *names: str, errors_only: bool = False) -> None:
    for name in names:
        where = f"{owner.__name__}.{name}"
        patch.setattr(owner, name, _watched(where, getattr(owner, name), errors_only=errors_only))


def _learn_keys(patch: pytest.MonkeyPatch) -> None:
    make, get = CredentialsClient.__init__, CredentialsClient.get_credential

    def made(client: CredentialsClient, credentials: Any, **options: Any) -> None:
        LEAKS.learn(credentials.access_key_secret, credentials.security_token)
        _watched("CredentialsClient", make, errors_only=True)(client, credentials, **options)

    def got(client: CredentialsClient) -> Any:
        model = _watched("CredentialsClient.get_credential", get, errors_only=True)(client)
        LEAKS.learn(model.access_key_secret, model.security_token)
        return model

    patch.setattr(CredentialsClient, "__init__", made)
    patch.setattr(CredentialsClient, "get_credential", got)


def _watch_tasks(patch: pytest.MonkeyPatch) -> None:
    _watch(patch, AwaitOperator, "execute", "execute_complete")
    _watch(patch, AwaitSensor, "execute", "execute_complete")
    _watch(patch, PaiDesignerDeployNodeOperator, "execute")
    _watch(patch, PaiDesignerDeleteNodeOperator, "execute")
    _watch(patch, AwaitTrigger, "serialize")
    _watch(patch, TriggerEvent, "__init__")
    _watch(patch, Store, "set")
    make = Task.__init__

    def made(task: Task, **options: Any) -> None:
        make(task, **options)
        task.context["ti"].xcom_push = _watched("XCom", task.context["ti"].xcom_push)

    patch.setattr(Task, "__init__", made)


def _watch_emulator(patch: pytest.MonkeyPatch) -> None:
    request, stop = Control.request, Emulator.stop

    def answered(control: Control, method: str, path: str, *body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = _watched("Control.request", request, errors_only=True)(control, method, path, *body)
        LEAKS.look(f"emulator, {path}", {name: shown for name, shown in answer.items() if name != "access_keys"})
        return answer

    def stopped(emulator: Emulator) -> None:
        stop(emulator)
        LEAKS.look("log of the emulator", (emulator._data / "emulator.log").read_text(errors="replace"))

    patch.setattr(Control, "request", answered)
    patch.setattr(Emulator, "stop", stopped)


def _watch_real_airflow(patch: pytest.MonkeyPatch) -> None:
    stop = RealAirflow.stop

    def stopped(airflow: RealAirflow) -> None:
        stop(airflow)
        LEAKS.look_into(airflow.home)

    patch.setattr(RealAirflow, "stop", stopped)


class _LogCapture(structlog.testing.LogCapture):
    """What a test captures is not printed."""

    def __call__(self, logger: Any, method_name: str, event_dict: Any) -> Any:
        LEAKS.look("log", event_dict)
        return super().__call__(logger, method_name, event_dict)


class _Records(logging.Handler):
    """Every record of the standard library's loggers, whatever the tests capture."""

    def emit(self, record: logging.LogRecord) -> None:
        LEAKS.look(f"log of {record.name}", record.getMessage(), *([record.exc_info[1]] if record.exc_info else []))


def pytest_configure(config: pytest.Config) -> None:
    """Look at every seam through which something leaves the provider."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    _learn_keys(patch)
    _watch(patch, Gateway, "read", "write", errors_only=True)
    _watch_tasks(patch)
    _watch_emulator(patch)
    _watch_real_airflow(patch)
    patch.setattr(structlog.testing, "LogCapture", _LogCapture)
    if config.option.log_level is None:
        config.option.log_level = "DEBUG"
    records = _Records()
    logging.getLogger().addHandler(records)
    config.add_cleanup(lambda: logging.getLogger().removeHandler(records))


@pytest.fixture(scope="session", autouse=True)
def _airflows_files() -> Iterator[None]:
    """Search what Airflow kept: the database with XComs and rendered fields, the logs of tasks."""
    yield
    LEAKS.look_into(Path(os.environ["AIRFLOW_HOME"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Fail a test whose outputs show a secret."""
    report = yield
    if call.when == "teardown":
        for title, content in report.sections:
            LEAKS.look(title, content)
        if found := LEAKS.taken():
            report.outcome, report.longrepr = "failed", "A secret got out:\n" + "\n".join(found)
    return report

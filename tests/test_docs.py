"""What a user would lose: a page that is true."""

from __future__ import annotations

import inspect
import re
import runpy
import shlex
from datetime import datetime
from pathlib import Path
from threading import Event
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer import cli, exceptions, macros
from airflow_provider_pai_designer.cloud import errors, paiflow, paistudio
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.emulator.services import SERVICES
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.scheduling import evaluate
from airflow_provider_pai_designer.scheduling.ambiguities import AMBIGUITIES, Ambiguity
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerSensorError
from tests.emulator.support import STANDARD, DataWorks

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MACROS = (DOCS / "macros.md").read_text(encoding="utf-8")
CONNECTION = (DOCS / "connection.md").read_text(encoding="utf-8")
MOMENT = datetime(2025, 3, 2, 2, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


def section(title: str) -> str:
    """The text below a heading, to the next one."""
    return re.split("\n##", MACROS.partition(f"# {title}\n")[2])[0]


def table(title: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def example(row: Ambiguity) -> str:
    """Write an open point's example as the page does."""
    if row.example is None:
        return ""
    usual = Ambiguity(question="", decision="", reason="")
    where = ""
    if (row.schedule_time, row.timezone) != (usual.schedule_time, usual.timezone):
        where = f" at {row.schedule_time.replace('T', ' ')}"
    if row.timezone != usual.timezone:
        where += f" in {row.timezone}"
    return f"`{row.example}`{where}: " + ("refused" if row.value is None else f"`{row.value}`")


def test_every_open_point_is_listed_as_it_is_decided() -> None:
    expected = [[row.question, row.decision, example(row), row.reason] for row in AMBIGUITIES]
    assert table("What the vendor leaves open") == expected


def test_every_macro_is_listed_with_its_arguments() -> None:
    listed = [
        row[0].strip("`").partition("(")[0] for row in table("DataWorks' scheduling parameters in Airflow templates")
    ]
    assert sorted(listed) == macros.__all__


@pytest.mark.parametrize("row", table("From DataWorks to Airflow"), ids=lambda row: row[0])
def test_the_mapping_gives_the_values_that_it_names(row: list[str]) -> None:
    expressions, macro, value = re.findall("`([^`]*)`", row[0]), row[1].strip("`"), row[2].strip("`")
    if value == "kept":
        assert all(evaluate(expression, schedule_time=MOMENT) == expression for expression in expressions)
        return
    assert {evaluate(expression, schedule_time=MOMENT) for expression in expressions} == {value}
    context = {"dag_run": SimpleNamespace(run_after=MOMENT, data_interval_end=None)}
    name, _, arguments = macro.partition("(")
    assert eval(f"call(context, {arguments}", {"call": getattr(macros, name), "context": context}) == value


def test_the_commands_shown_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (command, output), *others = re.findall(r"\$ pai-designer (params .*)\n((?:[^`]+\n)+)```", MACROS)
    assert not others
    assert cli.main(shlex.split(command)) == 0
    assert capsys.readouterr().out == output


@pytest.mark.parametrize(
    "text", re.findall("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT='(.*?)'", CONNECTION, re.DOTALL), ids=["JSON", "URI"]
)
def test_each_form_of_a_connection_is_read_as_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    key, secret = "LTAI5t", "se/cret+with=signs"
    encode = quote_plus if "://" in text else str
    monkeypatch.setenv(
        "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT",
        text.replace("<AccessKey ID>", key).replace("<AccessKey Secret>", encode(secret)),
    )
    hook = PaiDesignerHook()
    connection = hook.get_connection(hook.pai_designer_conn_id)
    assert (connection.conn_type, connection.login, connection.password) == (hook.conn_type, key, secret)
    assert (hook.region, hook.workspace_name) == ("cn-shanghai", "my_workspace")


def test_every_error_has_a_row_that_says_what_to_do() -> None:
    page, _, _ = (DOCS / "errors.md").read_text(encoding="utf-8").partition("| code | error |")
    rows = [re.split(r" \| ", line.strip("| ")) for line in page.splitlines() if line.startswith("| `")]
    public = {name for name, kind in vars(exceptions).items() if isinstance(kind, type)} | {
        PaiDesignerSensorError.__name__
    }
    assert sorted(row[0].strip("`") for row in rows) == sorted(public)
    assert all(cell.strip() for row in rows for cell in row)
    assert {len(row) for row in rows} == {2, 3}


def test_every_code_of_the_service_stands_beside_its_error() -> None:
    _, _, listed = (DOCS / "errors.md").read_text(encoding="utf-8").partition("| code | error |")
    rows = [line.strip("| ").split(" | ") for line in listed.splitlines() if line.startswith("| `")]
    told = {code: error.strip("`") for codes, error in rows for code in re.findall("`([^`]+)`", codes)}
    assert set(told) == set(errors._MEANINGS)
    for code, error in told.items():
        assert type(errors.reply_error(operation="GetFile", code=code, message="")).__name__ == error


@pytest.mark.parametrize(
    ("product", "client", "column"),
    [("PaiStudio", paistudio, 1), ("PAIFlow", paiflow, 2)],
    ids=["PaiStudio", "PAIFlow"],
)
def test_the_rights_in_pai_are_those_of_the_calls_that_are_made(product: str, client: ModuleType, column: int) -> None:
    page = (DOCS / "security.md").read_text(encoding="utf-8").partition("| feature | actions")[2].partition("\n\n")[0]
    rows = [line.strip("|").split("|") for line in page.splitlines()[2:] if "doctor" not in line]
    told = {operation for row in rows for operation in re.findall(r"`(\w+)`", row[column])}
    (operations,) = [service.operations for service in SERVICES if service.product == product]
    made = set(re.findall(r'"(\w+)"', inspect.getsource(client))) & set(operations)
    assert made
    assert told == made


def test_the_quickstart_has_the_dag_of_the_readme() -> None:
    pages = [
        (folder / name).read_text(encoding="utf-8") for folder, name in ((ROOT, "README.md"), (DOCS, "quickstart.md"))
    ]
    readme, quickstart = (re.findall(r"```python\n(.*?)```", page, re.DOTALL) for page in pages)
    assert readme == quickstart


def test_every_page_has_its_place_in_the_index() -> None:
    listed = re.findall(r"^[a-z-]+$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_a_page_that_the_site_does_not_check_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    ("name", "text", "loaded"),
    [
        ("a.html", '<a href="https://example.com/">a link that a reader follows</a><img src="images/a.png">', []),
        ("a.html", "<script src='https://cdn.example.com/a.js'></script>", ["https://cdn.example.com/a.js"]),
        ("a.html", '<link href="//fonts.example.com/a.css" rel=stylesheet>', ["//fonts.example.com/a.css"]),
        ("a.html", "<style>@import 'http://example.com/a.css';</style>", ["http://example.com/a.css"]),
        ("a.css", "a{background:url(data:image/svg+xml,x)}b{src:url('http://e.com/f')}", ["http://e.com/f"]),
    ],
)
def test_the_site_notices_what_it_would_load_from_outside(name: str, text: str, loaded: list[str]) -> None:
    assert runpy.run_path(str(DOCS / "nothing_from_outside.py"))["from_outside"](name, text) == loaded


def test_the_loop_that_the_operator_replaces_is_one_that_works(emulator: Emulator) -> None:
    from alibabacloud_dataworks_public20200518 import client, models
    from alibabacloud_tea_openapi.utils_models import Config

    page = (DOCS / "migration.md").read_text(encoding="utf-8")
    (loop,) = re.findall(r"^```python\n(def .*?)```", page, re.DOTALL | re.MULTILINE)
    written: dict[str, Any] = {**vars(models), "time": SimpleNamespace(sleep=lambda _: Event().wait(0.2))}
    exec(loop, written)
    config = Config(
        access_key_id=emulator.access_key_id,
        access_key_secret=emulator.access_key_secret,
        endpoint=emulator.url.removeprefix("http://"),
        protocol="http",
    )
    node_id = DataWorks(emulator=emulator).create_node()
    written["run_node"](client.Client(config), STANDARD, node_id, "2026-11-22")
    assert [run["name"] for run in emulator.control.rows("runs")].count("airflow-2026-11-22") == 1


def test_every_example_that_runs_in_the_tests_stands_on_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    shown = re.findall(r"\{literalinclude\} \.\./example_dags/(\w+\.py)", pages)
    assert sorted(shown) == sorted(path.name for path in (ROOT / "example_dags").glob("*.py"))

"""What a user would lose: to see what the emulator holds, to press the buttons, and that nobody else presses them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from email.message import Message
from itertools import pairwise
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import pytest

from airflow_provider_pai_designer.emulator.launch import launch
from airflow_provider_pai_designer.emulator.pages.drawing import BOX_HEIGHT, BOX_WIDTH, Graph, draw_graph
from airflow_provider_pai_designer.emulator.seed import content
from tests.emulator.new_support import DataStudio
from tests.emulator.support import BASIC, STANDARD, DataWorks, backfill_fields

HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


class _Stays(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = build_opener(ProxyHandler({}), _Stays)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What came back."""

    status: int
    text: str
    headers: Message

    @property
    def said(self) -> str:
        """What is to be read on it."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.text)).split())

    @property
    def is_live(self) -> bool:
        """Whether it asks for itself again."""
        return "<body data-live>" in self.text


def get(dataworks: DataWorks, path: str, **headers: str) -> Page:
    return _send(Request(dataworks.emulator.url + path, headers=headers))


def press(dataworks: DataWorks, path: str, origin: str | None = "own", **form: object) -> Page:
    """Press a button, as a browser does on a page of an origin; None sends no ``Origin``."""
    url = dataworks.emulator.url
    named = {} if origin is None else {"Origin": url if origin == "own" else origin}
    return _send(Request(url + path, data=urlencode(form).encode(), headers=named, method="POST"))


def _send(request: Request) -> Page:
    try:
        with _OPENER.open(request, timeout=10) as reply:
            return Page(status=reply.status, text=reply.read().decode(), headers=reply.headers)
    except HTTPError as error:
        with error:
            return Page(status=error.code, text=error.read().decode(), headers=error.headers)


def runs(dataworks: DataWorks) -> list[dict[str, Any]]:
    return dataworks.emulator.control.rows("runs")


def test_a_browser_finds_the_first_workspace(dataworks: DataWorks) -> None:
    """With no more than the address that the emulator has printed."""
    start = get(dataworks, "/", Accept="text/html,*/*")
    assert (start.status, start.headers["Location"]) == (307, "/console/")
    assert get(dataworks, "/console").headers["Location"] == "/console/"
    assert get(dataworks, "/console/").headers["Location"] == f"/console/workspaces/{STANDARD}"


def test_a_client_of_the_api_does_not_meet_a_page(dataworks: DataWorks) -> None:
    assert "Code" in get(dataworks, "/", Accept="application/json").text


def test_an_empty_workspace_says_how_it_is_filled() -> None:
    with launch() as emulator:
        dataworks = DataWorks(emulator=emulator)
        said = get(dataworks, f"/console/workspaces/{BASIC}").said
    assert "No run in PROD yet." in said
    assert 'PaiDesignerNodeOperator(environment="PROD")' in said
    assert "No call in the last hour." in said


def test_a_workspace_lists_nodes_runs_and_calls(dataworks: DataWorks) -> None:
    node = dataworks.create_node(file_name="daily_features")
    run = dataworks.start_test(node, name="nightly-1")
    dataworks.advance(60)
    page = get(dataworks, f"/console/workspaces/{STANDARD}?environment=DEV")
    assert f'href="/console/nodes/DEV/{node}"' in page.text
    assert f'href="/console/runs/{run}"' in page.text
    assert re.search(r"nightly-1 SMOKE_TEST · \d+ SUCCESS 2026-11-22 [\d: -]+4\.0 s", page.said)
    assert re.search(r"RunSmokeTest \d+ 0", page.said)
    assert not page.is_live
    assert "nightly-1" not in get(dataworks, f"/console/workspaces/{STANDARD}?environment=PROD").said


def test_a_node_is_found_by_a_part_of_its_name(dataworks: DataWorks) -> None:
    for name in ("needle_one", "hay_stack"):
        dataworks.create_node(file_name=name)
    found = get(dataworks, f"/console/workspaces/{STANDARD}?environment=DEV&name=EEDLE")
    assert ">needle_one<" in found.text
    assert ">hay_stack<" not in found.text
    none = get(dataworks, f"/console/workspaces/{STANDARD}?environment=DEV&name=" + "%3Cb%3E")
    assert "No node in DEV has <b> in its name." in none.said


def test_a_quota_that_is_enforced_shows_what_is_left() -> None:
    seed = {"workspaces": [{"id": STANDARD, "identifier": "small", "edition": "basic"}], "quota": "enforced"}
    with launch(seed=seed) as emulator:
        dataworks = DataWorks(emulator=emulator)
        for _ in range(2):
            dataworks.call("GetProject", project_id=STANDARD)
        said = get(dataworks, f"/console/workspaces/{STANDARD}").said
    assert "2 of 100 calls today" in said
    assert "of 5 calls in this second" in said


def test_a_node_shows_its_steps_versions_and_deployments(dataworks: DataWorks) -> None:
    node = dataworks.create_node(file_name="drawn", content=content("thirteen_steps"))
    page = get(dataworks, f"/console/nodes/DEV/{node}")
    assert page.text.count('class="box"') == 13
    assert page.text.count('class="line"') == 14
    assert "Logistic Regression (Binary) id-" in page.said
    assert "bizdate=$bizdate" in page.said
    assert re.search(r"1 DEPLOYED in production this page CREATE", page.said)
    assert re.search(r"\d+ 1 PROD SUCCEEDED .* \d+ 1 DEV SUCCEEDED", page.said)
    assert f'href="/console/nodes/PROD/{node}"' in page.text


def test_a_node_that_nobody_can_read_says_so(dataworks: DataWorks) -> None:
    node = dataworks.create_node(content="no JSON")
    assert "The content cannot be drawn, and a run of it fails" in get(dataworks, f"/console/nodes/DEV/{node}").said
    script = dataworks.create_node(content="SELECT 1 < 2", file_type=10)
    assert "SELECT 1 < 2" in get(dataworks, f"/console/nodes/DEV/{script}").said


def test_a_node_of_the_new_data_studio_shows_its_publishing(studio: DataStudio) -> None:
    node = studio.task()
    page = get(studio.dataworks, f"/console/nodes/PROD/{node}")
    assert "BUILD_PACKAGE, DEV_CHECK, DEV, PROD_CHECK, PROD SUCCESS" in page.said


def test_a_run_shows_parameters_steps_and_log_as_they_come(dataworks: DataWorks) -> None:
    run = dataworks.start_test(dataworks.create_node(), name="watched")
    begun = get(dataworks, f"/console/runs/{run}")
    assert begun.is_live
    assert "bizdate=$bizdate not resolved yet" in begun.said
    assert "It has not begun." in begun.said
    dataworks.advance(3)
    going = get(dataworks, f"/console/runs/{run}")
    assert going.is_live
    assert re.search(r"RUNNING .* bizdate=20261122 ", going.said)
    assert "Merge Columns-1 AppendColumns Running" in going.said
    assert "Write Table-1 SqlWriteTable_1 ReadyToSchedule" in going.said
    assert "[Write Table-1]" not in going.said
    dataworks.advance(60)
    ended = get(dataworks, f"/console/runs/{run}")
    assert not ended.is_live
    assert "INFO [Write Table-1] OK" in ended.said
    assert 'id="stop"' not in ended.text


def test_every_attempt_of_an_instance_can_be_looked_at(dataworks: DataWorks) -> None:
    dataworks.emulator.control.seed(
        {"steps": [{"behaviour": "fail", "step": "Write Table-1", "message": "no disk", "times": 1}]}
    )
    node = dataworks.create_node(auto_rerun_times=1, auto_rerun_interval_millis=1000, rerun_mode="ALL_ALLOWED")
    run = dataworks.start_test(node)
    dataworks.advance(3600)
    newest = get(dataworks, f"/console/runs/{run}")
    assert "SUCCESS" in newest.said
    assert "no disk" not in newest.said
    (path,) = re.findall(r'href="([^"]*attempt=1)"', newest.text)
    first = get(dataworks, html.unescape(path))
    assert "[Write Table-1] FAILED: no disk" in first.said
    assert "Write Table-1 SqlWriteTable_1 Failed" in first.said


def test_the_instance_that_failed_is_shown_first(dataworks: DataWorks) -> None:
    dataworks.emulator.control.seed({"steps": [{"behaviour": "fail", "message": "the second day", "times": 1}]})
    node = dataworks.create_node()
    ids = dataworks.call("RunCycleDagNodes", **backfill_fields(node))
    dataworks.advance(3600)
    said = get(dataworks, f"/console/runs/{ids[-1]}").said
    assert f"DAG {ids[0]} to {ids[-1]}" in said
    assert "business date 2026-11-20 to 2026-11-22" in said
    assert "FAILED: the second day" in said


def test_a_dry_run_does_not_look_like_a_success(dataworks: DataWorks) -> None:
    run = dataworks.start_test(dataworks.create_node(scheduler_type="SKIP"))
    dataworks.advance(60)
    page = get(dataworks, f"/console/runs/{run}")
    assert "SUCCESS dry run, SKIP" in page.said
    assert 'class="state dry"' in page.text


def test_test_starts_a_run(dataworks: DataWorks) -> None:
    node = dataworks.create_node(file_name="pressed")
    pressed = press(
        dataworks, f"/console/nodes/DEV/{node}/test", first="2026-11-20", parameters=" bizdate=x  a=$bizdate "
    )
    newest = runs(dataworks)[-1]
    assert (pressed.status, pressed.headers["Location"]) == (303, f"/console/runs/{newest['id']}")
    assert (newest["type"], newest["environment"]) == ("SMOKE_TEST", "DEV")
    assert newest["name"].startswith("Test by hand ")
    dataworks.advance(60)
    assert (
        "2026-11-20 planned 2026-11-21 00:05:00 bizdate=x a=20261120"
        in get(dataworks, pressed.headers["Location"]).said
    )


def test_backfill_starts_one_run_for_each_day(dataworks: DataWorks) -> None:
    node, before = dataworks.create_node(), len(runs(dataworks))
    fields = {"first": "2026-11-20", "last": "2026-11-22", "at_once": "2"}
    pressed = press(dataworks, f"/console/nodes/PROD/{node}/backfill", **fields)
    added = runs(dataworks)[before:]
    assert [run["type"] for run in added] == ["SUPPLY_DATA"] * 3
    assert {run["parallel_dates"] for run in added} == {2}
    assert pressed.headers["Location"] == f"/console/runs/{added[0]['id']}"
    dataworks.advance(3600)
    said = get(dataworks, pressed.headers["Location"]).said
    assert [day in said for day in ("bizdate=20261120", "bizdate=20261121", "bizdate=20261122")] == [True] * 3


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({}, "A business date is missing"),
        ({"first": "22.11.2026", "last": "2026-11-22"}, "is not a day such as"),
        ({"first": "2026-11-22", "last": "2026-11-20"}, "swap them"),
        ({"first": "2026-11-22", "last": "2999-01-01"}, "cannot lie in the future"),
        ({"first": "2020-01-01", "last": "2026-11-20"}, "at most 366 business dates"),
    ],
)
def test_dates_that_make_no_sense_start_nothing(dataworks: DataWorks, form: dict[str, str], complaint: str) -> None:
    node, before = dataworks.create_node(), len(runs(dataworks))
    refused = press(dataworks, f"/console/nodes/DEV/{node}/backfill", **form)
    assert refused.status == 400
    assert complaint in refused.said
    assert len(runs(dataworks)) == before


def test_what_the_engine_refuses_is_told_on_the_page(dataworks: DataWorks) -> None:
    node = dataworks.create_node(cron_express="every now and then")
    refused = press(dataworks, f"/console/nodes/DEV/{node}/test", first="2026-11-20")
    assert refused.status == 400
    assert 'role="alert"' in refused.text
    assert "every now and then" in refused.said


def test_stop_stops_every_day_of_a_run(dataworks: DataWorks) -> None:
    ids = dataworks.call("RunCycleDagNodes", **backfill_fields(dataworks.create_node()))
    dataworks.advance(2.5)
    pressed = press(dataworks, f"/console/runs/{ids[0]}/stop")
    assert (pressed.status, pressed.headers["Location"]) == (303, f"/console/runs/{ids[0]}")
    asked = get(dataworks, f"/console/runs/{ids[0]}")
    assert "asked to stop" in asked.said
    assert 'id="stop"' not in asked.text
    dataworks.advance(5)
    assert {dataworks.instance(run)["Status"] for run in ids} == {"FAILURE"}
    ended = get(dataworks, f"/console/runs/{ids[0]}")
    assert not ended.is_live
    assert "The task was killed" in ended.said
    assert press(dataworks, f"/console/runs/{ids[0]}/stop").status == 303


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1", "http://localhost:{port}", "https://127.0.0.1:{port}"],
)
def test_a_button_is_pressed_on_a_page_of_the_emulator_only(dataworks: DataWorks, origin: str | None) -> None:
    node = dataworks.create_node()
    run, before = dataworks.start_test(node), len(runs(dataworks))
    foreign = origin and origin.format(port=dataworks.emulator.url.rpartition(":")[2])
    dates = {"first": "2026-11-20", "last": "2026-11-20"}
    for path in (f"nodes/DEV/{node}/test", f"nodes/DEV/{node}/backfill", f"runs/{run}/stop"):
        refused = press(dataworks, f"/console/{path}", foreign, **dates)
        assert refused.status == 403
        assert "Nothing was changed." in refused.said
    assert len(runs(dataworks)) == before
    dataworks.advance(60)
    assert dataworks.instance(run)["Status"] == "SUCCESS"


def test_no_get_changes_anything(dataworks: DataWorks) -> None:
    node = dataworks.create_node()
    run = dataworks.start_test(node)
    before = dataworks.emulator.control.state()
    for path in (f"nodes/DEV/{node}/test?first=2026-11-20", f"nodes/DEV/{node}/backfill", f"runs/{run}/stop"):
        refused = get(dataworks, f"/console/{path}")
        assert (refused.status, "Nothing was changed." in refused.said) == (405, True)
    for path in (f"workspaces/{STANDARD}", f"nodes/DEV/{node}", f"runs/{run}"):
        assert get(dataworks, f"/console/{path}").status == 200
    assert dataworks.emulator.control.state() == before


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/workspaces/7", "/nodes/DEV/7", "/nodes/TEST/7", "/runs/7", "/runs/7?instance=x"),
        *(
            "/workspaces/x",
            f"/runs/{'9' * 30}",
            "/assets/nothing.css",
            "/assets/../schema.sql",
            "/assets/..%2Frender.py",
        ),
    ],
)
def test_what_is_not_there_says_where_to_go(dataworks: DataWorks, path: str) -> None:
    page = get(dataworks, f"/console{path}")
    assert page.status == 404
    assert f'href="/console/workspaces/{STANDARD}"' in page.text
    assert "Start at a workspace" in page.said


def test_nothing_that_people_write_becomes_markup(dataworks: DataWorks) -> None:
    """Names, parameters, contents and messages are what somebody else chose."""
    dataworks.emulator.control.seed({"steps": [{"behaviour": "fail", "message": HOSTILE, "times": 1}]})
    drawn = content("three_steps").replace("SQL Script", "<img src=x onerror=alert(2)>")
    node = dataworks.create_node(
        file_name=HOSTILE, para_value=f"a={HOSTILE}", file_description=HOSTILE, content=drawn, owner=HOSTILE
    )
    run = dataworks.start_test(node, name=HOSTILE)
    dataworks.advance(60)
    script = dataworks.create_node(content=HOSTILE, file_type=10)
    pages = [
        get(dataworks, f"/console/{path}")
        for path in (
            f"workspaces/{STANDARD}?environment=DEV",
            f"workspaces/{STANDARD}?environment=DEV&name={HOSTILE.replace('&', '%26')}".replace(" ", "%20"),
            f"nodes/DEV/{node}",
            f"nodes/DEV/{script}",
            f"runs/{run}",
            f"{HOSTILE}".replace(" ", "%20"),
        )
    ]
    pages.append(press(dataworks, f"/console/nodes/DEV/{node}/test", first=HOSTILE, parameters=HOSTILE))
    for page in pages:
        assert "alert(1)" in page.text
        assert "<script>" not in page.text
        assert "<img" not in page.text
        assert HOSTILE.replace("{{7*7}}", "49") not in page.said


def test_no_page_holds_a_key(dataworks: DataWorks) -> None:
    node = dataworks.create_node()
    run = dataworks.start_test(node)
    dataworks.advance(60)
    keys = dataworks.emulator.control.rows("access_keys")
    secrets = [key[name] for key in keys for name in ("id", "secret", "security_token") if key[name]]
    secrets += [dataworks.emulator.control.token, "emulator-demo-oidc-token"]
    for path in (
        f"workspaces/{STANDARD}?environment=DEV",
        f"nodes/DEV/{node}",
        f"nodes/PROD/{node}",
        f"runs/{run}",
        "x",
    ):
        text = get(dataworks, f"/console/{path}").text
        assert [secret for secret in secrets if secret in text] == []


def test_a_page_may_load_nothing_from_outside(dataworks: DataWorks) -> None:
    node = dataworks.create_node()
    for path in (f"workspaces/{STANDARD}", f"nodes/DEV/{node}", "nothing"):
        page = get(dataworks, f"/console/{path}")
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert not re.search(r"""(src|href|action)=["'](?!/console/|#)""", page.text)
        assert not re.search(r"\s(style|on\w+)=", page.text)
        for asset in re.findall(r'"(/console/assets/[^"]+)"', page.text):
            assert get(dataworks, asset).headers["X-Content-Type-Options"] == "nosniff"


def test_pages_are_no_calls_of_the_api(dataworks: DataWorks) -> None:
    """Who looks uses up nobody's quota, and spoils no count of a test."""
    before = dataworks.emulator.control.calls()
    get(dataworks, f"/console/workspaces/{STANDARD}")
    assert dataworks.emulator.control.calls() == before


def overlapping(graph: Graph) -> list[tuple[str, str]]:
    boxes = sorted(graph.boxes, key=lambda box: (box.top, box.left))
    return [
        (one.name, other.name)
        for one, other in pairwise(boxes)
        if one.top == other.top and other.left < one.left + BOX_WIDTH
    ]


@pytest.mark.parametrize(
    "dependencies",
    [
        {},
        {"a": ()},
        {"a": (), "b": ("a",), "c": ("b", "a", "a")},
        {f"s{number}": tuple(f"s{other}" for other in range(max(0, number - 5), number)) for number in range(12)},
        {**{f"r{number}": () for number in range(20)}, "all": tuple(f"r{number}" for number in range(20))},
    ],
    ids=["nothing", "one", "a long way round", "dense", "wide"],
)
def test_a_drawing_has_every_step_in_its_place(dependencies: dict[str, tuple[str, ...]]) -> None:
    graph = draw_graph(dependencies)
    tops = {box.name: box.top for box in graph.boxes}
    assert list(tops) == list(dependencies)
    assert len(graph.lines) == sum(len(set(before)) for before in dependencies.values())
    assert all(tops[other] + BOX_HEIGHT < tops[name] for name, before in dependencies.items() for other in before)
    assert overlapping(graph) == []
    assert all(box.left >= 0 and box.left + BOX_WIDTH <= graph.width for box in graph.boxes)
    assert all(box.top >= 0 and box.top + BOX_HEIGHT <= graph.height for box in graph.boxes)

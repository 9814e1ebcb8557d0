"""What a user would lose: the way from a task in Airflow to its run, and what can be seen and done there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.emulator.seed import content
from airflow_provider_pai_designer.provider_info import get_provider_info
from tests.conftest import DAGS_FOLDER
from tests.e2e.real_airflow import RealAirflow
from tests.emulator.support import DataWorks, backfill_fields

DAG_ID = "example_pai_designer_node"
TASK = "daily_features"
PICTURES = os.environ.get("PAI_DESIGNER_PICTURES")
RUN_SECONDS = 90


@pytest.fixture(scope="module")
def example(airflow: RealAirflow) -> RealAirflow:
    """Airflow with the example that tests a node; it runs when it is told to."""
    text = (DAGS_FOLDER / f"{DAG_ID}.py").read_text(encoding="utf-8")
    (airflow.dags / f"{DAG_ID}.py").write_text(text.replace('schedule="30 2 * * *"', "schedule=None"), encoding="utf-8")
    airflow.wait_for("the example", lambda: airflow.call("/dags")["total_entries"] == 2)
    airflow.switch_on(DAG_ID)
    return airflow


@pytest.fixture
def steps(emulator: Emulator) -> Iterator[Any]:
    """Let the steps of the example's node behave otherwise, for one test."""

    def behave(**rule: Any) -> None:
        emulator.control.seed({"steps": [{"node": TASK, **rule}]})

    yield behave
    emulator.control.clear_behaviours()


@pytest.fixture
def errors(page: Page) -> Iterator[list[str]]:
    """What the browser's console complains about on pages of the emulator; nothing, at the end of the test."""
    found: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "/console/" in str(message.location.get("url")):
            found.append(message.text)

    page.context.on("console", listen)
    yield found
    page.context.remove_listener("console", listen)
    assert found == []


def start(airflow: RealAirflow) -> str:
    """Start an Airflow run of the example; return its id."""
    return str(airflow.call(f"/dags/{DAG_ID}/dagRuns", {"logical_date": None})["dag_run_id"])


def state(airflow: RealAirflow, run_id: str) -> str:
    """The state of the task that runs the node."""
    return str(airflow.call(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK}")["state"])


def end(airflow: RealAirflow, run_id: str) -> str:
    """Wait until that task has ended; return its state."""
    airflow.wait_for("the task's end", lambda: state(airflow, run_id) in ("success", "failed"), RUN_SECONDS)
    return state(airflow, run_id)


def press_button(page: Page, run_id: str, name: str) -> Page:
    """Open the task in Airflow, and press one of its buttons; return the page that it opens."""
    page.goto(f"/dags/{DAG_ID}/runs/{run_id}/tasks/{TASK}/details")
    button = page.get_by_role("link", name=name)
    expect(button).to_be_visible()
    with page.context.expect_page() as opened:
        button.click()
    return opened.value


def test_from_a_failed_task_to_its_run(
    example: RealAirflow, page: Page, steps: Any, errors: list[str], emulator: Emulator
) -> None:
    steps(behaviour="fail", step="Write Table-1", message="no disk", times=1)
    run_id = start(example)
    assert end(example, run_id) == "failed"
    there = press_button(page, run_id, "Operation Center")
    expect(there.get_by_role("status")).to_contain_text("FAILURE")
    expect(there.get_by_role("region", name="Log")).to_contain_text("[Write Table-1] FAILED: no disk")
    name = example.call(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK}/xcomEntries/run_name")["value"]
    expect(there.get_by_role("heading", level=1)).to_have_text(name.strip('"'))
    there.close()
    there = press_button(page, run_id, "PAI Designer")
    expect(there.get_by_role("heading", level=1)).to_have_text(TASK)
    expect(there.get_by_role("region", name="Drawing of the pipeline")).to_contain_text("Write Table-1")
    there.close()


def test_a_run_that_goes_on_is_watched_and_stopped(
    example: RealAirflow, page: Page, steps: Any, errors: list[str]
) -> None:
    """The page follows by itself, Stop reaches the task in Airflow, and then nothing is asked any more."""
    steps(behaviour="hang", step="Merge Columns-1")
    run_id = start(example)
    example.wait_for("the run", lambda: state(example, run_id) == "running", RUN_SECONDS)
    there = press_button(page, run_id, "Operation Center")
    # the button may be there before the run is, and then it leads to the workspace
    if "/runs/" not in there.url:
        there.close()
        example.wait_for("the button", lambda: "/runs/" in str(_link(example, run_id)), RUN_SECONDS)
        there = press_button(page, run_id, "Operation Center")
    log = there.get_by_role("region", name="Log")
    expect(log).to_contain_text("[Merge Columns-1] Job running")
    there.get_by_role("button", name="Stop").click()
    expect(there.get_by_role("status")).to_contain_text("FAILURE")
    expect(log).to_contain_text("The task was killed")
    expect(there.get_by_role("button", name="Stop")).to_have_count(0)
    asked: list[str] = []
    there.on("request", lambda request: asked.append(request.url))
    there.wait_for_timeout(2500)
    assert asked == []
    there.close()
    assert end(example, run_id) == "failed"


def _link(airflow: RealAirflow, run_id: str) -> Any:
    links = airflow.call(f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{TASK}/links")
    return links["extra_links"]["Operation Center"]


@pytest.fixture
def node(emulator: Emulator) -> int:
    """A node of thirteen steps; time passes as in the real world."""
    dataworks = DataWorks(emulator=emulator)
    found = [row for row in emulator.control.rows("nodes") if row["name"] == "churn_model"]
    return (
        int(found[0]["id"])
        if found
        else dataworks.create_node(file_name="churn_model", content=content("thirteen_steps"))
    )


def test_everything_can_be_done_with_the_keyboard(page: Page, emulator: Emulator, node: int, errors: list[str]) -> None:
    """From the workspace to the node, to a Test, to its Stop, with nothing but Tab, Enter and typing."""
    page.goto(f"{emulator.url}/console/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    _tab_to(page, f"#node-{node}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("churn_model")
    _tab_to(page, "#test-date")
    page.keyboard.type("11202026")
    _tab_to(page, "#test-parameters")
    page.keyboard.type("bizdate=20200101")
    _tab_to(page, "#test")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Test by hand .* churn_model$"))
    expect(page.get_by_role("region", name="Instances")).to_contain_text("2026-11-20")
    _tab_to(page, "#stop")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("FAILURE")


def _tab_to(page: Page, selector: str) -> None:
    target = page.locator(selector)
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            outline = target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"{selector} does not show that it has the focus"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached with Tab")


@pytest.fixture
def without_script(page: Page, emulator: Emulator) -> Iterator[Page]:
    """A page of a browser that runs no scripts."""
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(base_url=emulator.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_without_scripts_it_works_too(without_script: Page, node: int) -> None:
    without_script.goto(f"/console/nodes/DEV/{node}")
    without_script.get_by_role("button", name="Test").click()
    expect(without_script.get_by_role("status")).to_contain_text("RUNNING", timeout=15_000)
    expect(without_script.get_by_role("status")).to_contain_text("SUCCESS", timeout=45_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_every_page_is_readable(page: Page, emulator: Emulator, node: int, scheme: str, width: int) -> None:
    """Contrast as WCAG AA wants it, and nothing that has to be scrolled to the side, but wide tables in themselves."""
    browser = page.context.browser
    assert browser is not None
    run = max(emulator.control.rows("runs"), key=lambda row: int(row["id"]))["id"]
    context = browser.new_context(
        base_url=emulator.url,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text))
    there = context.new_page()
    for path in ("workspaces/100001", f"nodes/DEV/{node}", f"runs/{run}"):
        there.goto(f"/console/{path}")
        assert there.evaluate("document.documentElement.scrollWidth") <= width
        assert there.evaluate(_TOO_PALE) == []
    context.close()
    assert complaints == []


_TOO_PALE = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
    .getContext("2d", {willReadFrequently: true});
  const rgb = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b]
    .map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let other = element; other; other = other.parentElement) {
      const colour = rgb(getComputedStyle(other).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const pale = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("svg")) continue;
    const [one, two] = [rgb(getComputedStyle(element).color), ground(element)].map(luminance).sort((a, b) => b - a);
    if ((one + 0.05) / (two + 0.05) < 4.5) pale.push(walker.currentNode.data.trim());
  }
  return pale;
}"""


@pytest.mark.parametrize(
    ("secret", "heading", "sentence"),
    [
        ("emulator-demo-secret", "Test Connection Successful", "workspace 'demo_project' (100001, standard mode)"),
        ("emulator-wrong-secret", "Test Connection Failed", "Check the AccessKey secret"),
    ],
    ids=["right", "wrong"],
)
@pytest.mark.usefixtures("airflow")
def test_the_test_button_of_the_connection_says_what_is_so(
    emulator: Emulator, page: Page, secret: str, heading: str, sentence: str
) -> None:
    """A connection that is filled in with the form of the provider, and tested where it is listed."""
    name = f"by_hand_{len(secret)}"
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Connection ID").fill(name)
    kind = get_provider_info()["connection-types"][0]["hook-name"]  # type: ignore[index]
    form.get_by_role("combobox", name="Connection Type").fill(kind)
    page.get_by_role("option", name=kind, exact=True).click()
    for label, value in (("AccessKey ID", emulator.access_key_id), ("AccessKey Secret", secret)):
        form.get_by_label(label, exact=True).fill(value)
    form.get_by_label("Port (for the Test button)").fill("443")
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    for field, value in (
        ("workspace", "demo_project"),
        ("region", "cn-shanghai"),
        ("dataworks_endpoint", emulator.url),
    ):
        form.locator(f"[name=element_{field}]").fill(value)
    form.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=name, exact=True))
    row.get_by_role("button", name="Test Connection").click()
    said = page.get_by_role("region", name="Notifications")
    expect(said).to_contain_text(heading)
    expect(said).to_contain_text(sentence)
    assert secret not in page.locator("body").inner_text()


@pytest.mark.skipif(not PICTURES, reason="PAI_DESIGNER_PICTURES names no folder")
def test_pictures_for_the_docs(page: Page) -> None:
    """Of an emulator of their own, in which something has happened."""
    assert PICTURES
    browser = page.context.browser
    assert browser is not None
    with launch() as emulator:
        node, run = _a_day_of_work(DataWorks(emulator=emulator))
        context = browser.new_context(
            base_url=emulator.url,
            viewport={"width": 1080, "height": 800},
            color_scheme="light",
        )
        there = context.new_page()
        for name, path, height in (
            ("workspace", "workspaces/100001?environment=DEV", 1290),
            ("node", f"nodes/DEV/{node}", 980),
            ("run", f"runs/{run}", 1175),
        ):
            there.goto(f"/console/{path}")
            there.wait_for_load_state("networkidle")
            clip = {"x": 0, "y": 0, "width": 1080, "height": height}
            there.screenshot(path=Path(PICTURES) / f"console-{name}.png", full_page=True, clip=clip)  # type: ignore[arg-type]
        context.close()


def _a_day_of_work(dataworks: DataWorks) -> tuple[int, int]:
    """Nodes, and runs of every kind; return a node, and a run that has failed."""
    control = dataworks.emulator.control
    control.clock.freeze()
    control.seed(
        {
            "steps": [
                {"behaviour": "fail", "step": "Write Table-1", "message": "ODPS-0420095: Access Denied", "times": 1}
            ]
        }
    )
    churn = dataworks.create_node(file_name="churn_model", content=content("thirteen_steps"))
    features = dataworks.create_node(file_name="daily_features")
    failed = dataworks.start_test(features, name="nightly_features.daily_features-5e1f0a77c2d94b10-0-1")
    dataworks.advance(47)
    for name, node in (("nightly_features.daily_features-5e1f0a77c2d94b10-0-2", features), ("churn.train-91c7", churn)):
        dataworks.start_test(node, name=name)
        dataworks.advance(47)
    dataworks.call("RunCycleDagNodes", **backfill_fields(features, name="Backfill by hand 20261123"))
    dataworks.advance(9)
    control.clock.resume()
    return churn, failed

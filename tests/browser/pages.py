"""What a user clicks and types in Airflow's pages to start a backfill."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
_PATIENCE_MILLISECONDS = 30_000
# the panel with the grid is too narrow for the grid when it is first opened
_WIDER_GRID = """localStorage.setItem('react-resizable-panels:grid-ltr', JSON.stringify(
    {'details-panel,main-panel': {expandToSizes: {}, layout: [25, 75]}}
))"""


@contextmanager
def browser(url: str) -> Iterator[Page]:
    """Open a headless Chromium of a user in Shanghai, for the length of a ``with`` block."""
    executable = shutil.which("chromium")
    if executable is None:
        raise RuntimeError("There is no chromium on the PATH; `make test-browser` says how to get it.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            context = chromium.new_context(
                base_url=url,
                viewport={"width": 1440, "height": 780},
                locale="en-US",
                timezone_id="Asia/Shanghai",
                color_scheme="light",
            )
            context.add_init_script(_WIDER_GRID)
            page = context.new_page()
            page.set_default_timeout(_PATIENCE_MILLISECONDS)
            expect.set_options(timeout=_PATIENCE_MILLISECONDS)
            yield page
        finally:
            chromium.close()


def open_backfill_form(page: Page, dag_id: str) -> Locator:
    """Open a DAG's page, and on it the form *Run Backfill*."""
    page.goto(f"/dags/{dag_id}?limit=10")
    page.get_by_test_id("trigger-dag-button").first.click()
    # an open calendar is a dialog too
    form = page.get_by_role("dialog").filter(has=page.get_by_role("radio", name="Single Run"))
    form.get_by_text("Backfill", exact=True).click()
    expect(form.get_by_role("heading", name="Run Backfill")).to_be_visible()
    return form


def fill_backfill_form(form: Locator, first: date, last: date, behaviour: str) -> None:
    """Choose the dates, each at midnight, and one of *Missing Runs*, *Missing and Errored Runs*, *All Runs*."""
    for box, day in zip(form.get_by_test_id("datetime-input").all(), (first, last), strict=True):
        _choose(box, day)
    form.get_by_text(behaviour, exact=True).click()


def _choose(box: Locator, day: date) -> None:
    page = box.page
    box.click()
    calendar = page.locator("[data-scope=popover][data-part=content][data-state=open]")
    for hint, value in (("YYYY/MM/DD", f"{day:%Y/%m/%d}"), ("HH:mm", "00:00")):
        field = calendar.get_by_placeholder(hint)
        field.fill(value)
        field.press("Tab")
    page.keyboard.press("Escape")
    expect(calendar).to_be_hidden()


def run_backfill(form: Locator, *, most_active: int, backwards: bool) -> None:
    """Fill in how the runs follow each other, press *Run Backfill*, and wait until Airflow has taken it."""
    page = form.page
    form.locator("input[name=max_active_runs]").fill(str(most_active))
    if backwards:
        form.get_by_text("Run Backwards").click()
    form.get_by_role("button", name="Run Backfill").click()
    expect(page.get_by_text("Backfill in progress")).to_be_visible()


def take_picture(page: Page, dag_id: str, path: Path) -> None:
    """Take a picture of a DAG's grid and runs while a backfill goes on."""
    # the grid of a page that is open already does not show new runs
    page.goto(f"/dags/{dag_id}/runs?limit=10")
    expect(page.locator("a[href*='/runs/backfill__']").first).to_be_visible()
    expect(page.get_by_text("Backfill in progress")).to_be_visible()
    page.mouse.move(3, 3)
    page.wait_for_load_state("networkidle")
    # without the frame that all pages have
    page.screenshot(path=path, animations="disabled", clip={"x": 64, "y": 58, "width": 1376, "height": 722})

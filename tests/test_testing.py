"""What a user would lose: the tests of their own DAGs, written as the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DAGS_FOLDER

ROOT = Path(__file__).parent.parent
EXAMPLE, SEED = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(encoding="utf-8"), re.DOTALL
)
(DAG,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A team's project with the DAG of the README, and the tests of the page."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "nightly_features.py").write_text(DAG, encoding="utf-8")
    shutil.copytree(DAGS_FOLDER / "pipelines", tmp_path / "dags" / "pipelines")
    return tmp_path


def outcome(project: Path, test: str) -> str:
    """Run a test in a process of its own, and return what pytest says."""
    (project / "test_dags.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(project), "."]
    environment = {**os.environ, "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags")}
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=project, env=environment, timeout=250
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout.splitlines()[-1]


@pytest.mark.usefixtures("airflow_database")
def test_the_example_of_the_page_runs_as_it_stands(project: Path) -> None:
    assert len(EXAMPLE.strip().splitlines()) <= 10
    assert "1 passed" in outcome(project, EXAMPLE)


def test_a_seed_of_a_team_is_the_world_behind_the_default_connection(project: Path) -> None:
    test = """
import pytest
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

pytest_plugins = ["airflow_provider_pai_designer.testing"]


{seed}

def test_ours(pai_designer_emulator):
    hook = PaiDesignerHook()
    assert (hook.workspace.identifier, hook.workspace.standard_mode) == ("ours", False)
    assert hook.timezone.key == "Europe/Berlin"
"""
    assert "1 passed" in outcome(project, test.format(seed=SEED))

"""What a user would lose: the first five lines, which work as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.conftest import DAGS_FOLDER

PAGE = (DAGS_FOLDER.parent / "docs" / "quickstart.md").read_text(encoding="utf-8")


def test_the_five_lines_run_the_dag_of_the_page(emulator: Emulator, tmp_path: Path) -> None:
    (dag,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    install, export, *commands = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)[-1].splitlines()
    assert ("pip install" in install, len(commands)) == (True, 3)  # the wheel itself is installed by .ci/run
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "nightly_features.py").write_text(dag, encoding="utf-8")
    shutil.copytree(DAGS_FOLDER / "pipelines", tmp_path / "dags" / "pipelines")
    connection = re.sub(r"'.*'", lambda _: f"'{emulator.connection()}'", export)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    script = "\n".join(["set -e", connection, *commands])
    ended = subprocess.run(
        ["bash", "-c", script], check=False, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=250
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert emulator.control.state()["instances"][-1]["status"] == "SUCCESS"

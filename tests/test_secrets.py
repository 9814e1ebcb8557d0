"""What a user would lose: the key of the account, to everybody who may read a log, an XCom or a page.

That no test of the suite lets a key out is held by ``leaks``; here is held that it would notice.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LEAKY = Path(__file__).parent / "leaky.py"


def test_a_secret_that_gets_out_fails_the_test_that_let_it_out() -> None:
    options = ["-rpE", "--color=no", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, str(LEAKY)]
    root = LEAKY.parent.parent
    said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=root, timeout=250).stdout
    tests = set(re.findall(r"^def (test_\w+)", LEAKY.read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"^PASSED .*::(\w+)", said, re.MULTILINE)) == tests, said
    assert set(re.findall(r"^ERROR .*::(\w+)", said, re.MULTILINE)) == {
        name for name in tests if name.endswith("_leaks")
    }

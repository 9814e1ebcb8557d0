"""The Airflow that the tests run on, where an older one is to do something else: see docs/versions.md."""

from __future__ import annotations

from importlib.metadata import version

BEFORE_3_3 = tuple(int(part) for part in version("apache-airflow").split(".")[:2]) < (3, 3)

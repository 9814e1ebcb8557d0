"""``python -m airflow_provider_pai_designer.emulator``."""

from __future__ import annotations

import sys

from airflow_provider_pai_designer.emulator.command import main

sys.exit(main())

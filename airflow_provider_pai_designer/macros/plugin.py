"""The plugin that puts the macros into every template. Every Airflow process loads this module."""

from __future__ import annotations

from airflow.sdk.plugins_manager import AirflowPlugin

from airflow_provider_pai_designer import macros


class PaiDesignerPlugin(AirflowPlugin):
    """``macros.pai_designer``."""

    name = "pai_designer"
    macros = [getattr(macros, name) for name in macros.__all__]  # noqa: RUF012

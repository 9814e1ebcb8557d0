"""What the commands share that speak to an account: which connection, and words for programs or for people."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that name the connection."""
    parser.add_argument("--connection", default="pai_designer_default", help="id of the connection (%(default)s)")
    parser.add_argument("--workspace", help="workspace instead of the connection's")
    parser.add_argument("--region", help="region instead of the connection's")
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")


def hook_of(arguments: argparse.Namespace) -> PaiDesignerHook:
    """Return a hook on the connection that the arguments name; nothing is asked of the service yet."""
    # Airflow looks into its database for a connection only in processes that say they are of its own.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

    return PaiDesignerHook(arguments.connection, workspace=arguments.workspace, region=arguments.region)

"""The command line ``pai-designer``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    from airflow_provider_pai_designer import demo, listing, params, ui
    from airflow_provider_pai_designer.doctor import command as doctor
    from airflow_provider_pai_designer.emulator import command as emulator

    parser = argparse.ArgumentParser(prog="pai-designer", description="PAI Designer nodes of DataWorks from Airflow.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module, summary in (
        ("demo", demo, "run an example DAG on a local DataWorks"),
        ("ui", ui, "run a real Airflow and a local DataWorks, with pages of both"),
        ("emulator", emulator, "serve a local DataWorks"),
        ("doctor", doctor, "check a connection step by step"),
        ("pipelines", listing.PIPELINES, "list the pipelines of a workspace in PAI Designer"),
        ("templates", listing.TEMPLATES, "list the templates that pipelines can be made from"),
        ("params", params, "show the values of scheduling parameters, instance by instance"),
    ):
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    parsed = parser.parse_args(arguments)
    return int(parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())

"""``pai-designer pipelines`` and ``pai-designer templates``: what a workspace has in PAI Designer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.connected import add_arguments, hook_of
from airflow_provider_pai_designer.designer.pipeline import Pipeline, Template
from airflow_provider_pai_designer.exceptions import PaiDesignerError, one_line

if TYPE_CHECKING:
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A subcommand that lists one kind of things.

    :param read: lists them.
    :param columns: their members that a table shows.
    """

    read: Callable[[PaiDesignerHook], Sequence[Pipeline] | Sequence[Template]]
    columns: tuple[str, ...]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments of the subcommand."""
        add_arguments(parser)

    def run(self, arguments: argparse.Namespace) -> int:
        """Print the list, and return 1 where it could not be read."""
        # Airflow's log goes to the standard output, which is to have nothing but the list.
        with redirect_stdout(sys.stderr):
            hook = hook_of(arguments)
            try:
                found = [asdict(item) for item in self.read(hook)]
            except PaiDesignerError as error:
                print(hook.without_secrets(str(error)), file=sys.stderr)
                return 1
        if arguments.json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
            return 0
        rows = [self.columns, *([one_line(str(item[column])) for column in self.columns] for item in found)]
        widths = [max(len(row[index]) for row in rows) for index in range(len(self.columns))]
        for row in rows:
            print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        return 0


PIPELINES = Listing(read=lambda hook: hook.list_pipelines(), columns=("id", "name", "modified", "description"))
TEMPLATES = Listing(read=lambda hook: hook.list_templates(), columns=("id", "name", "kind", "description"))

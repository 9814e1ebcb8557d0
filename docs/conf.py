"""The documentation as a site: `make docs`. The pages are Markdown that reads well where it lies, too."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the check of the site is an extension beside this file
os.environ["AIRFLOW_HOME"] = str(HERE.parent / "build" / "airflow")  # the reference imports Airflow, which writes there
logging.getLogger("airflow").setLevel(logging.WARNING)

_metadata = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "PAI Designer for Airflow"
version = release = _metadata["version"]
html_title = f"{project} {version}"
html_theme = "furo"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "nothing_from_outside"]
myst_heading_anchors = 3
exclude_patterns = ["images", "static"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"


def _as_called(  # noqa: PLR0917 - the shape of an event of Sphinx
    app: Sphinx, what: str, name: str, macro: object, options: object, signature: str, returns: str
) -> object:
    """Show a macro as it is called: the dates of the run are not given, the zone may be."""
    if not name.startswith("airflow_provider_pai_designer.macros.") or not signature.startswith("(run"):
        return None
    given = signature.removeprefix("(run").removeprefix(", ").removesuffix(")")
    return f"({', '.join(filter(None, [given, '*', 'tz=None', 'conn_id=None']))})", returns


def _with_inherited(  # noqa: PLR0917 - the shape of an event of Sphinx
    app: Sphinx, what: str, name: str, subject: object, options: object, signature: str | None, returns: str
) -> object:
    """Show every argument of an operator, sensor or trigger that is ours, where its own signature says ``**kwargs``."""
    if what != "class" or not isinstance(subject, type) or "**kwargs" not in (signature or ""):
        return None
    ours = [vars(kind) for kind in subject.__mro__ if kind.__module__.startswith("airflow_provider_pai_designer.")]
    arguments = {
        argument.name: argument.replace(annotation=argument.empty)
        for members in reversed(ours)
        if "__init__" in members
        for argument in inspect.signature(members["__init__"]).parameters.values()
        if argument.kind is argument.KEYWORD_ONLY
    }
    required_first = sorted(arguments.values(), key=lambda argument: argument.default is not argument.empty)
    return str(inspect.Signature(required_first)), returns


def setup(app: Sphinx) -> None:
    """Register what the reference shows otherwise than the code has it."""
    app.connect("autodoc-process-signature", _as_called)
    app.connect("autodoc-process-signature", _with_inherited)

"""Plain data to HTML. Whatever is put into a template is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from airflow_provider_pai_designer.emulator.pages import drawing

PREFIX = "/console"
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
HEADERS: Mapping[str, str] = {
    # nothing from outside, nothing written into the page itself, and no page of others around ours
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file that pages load."""

    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around every page.

    :param now: simulated time of the workspace; ``pace`` says how it passes.
    """

    now: str
    pace: str


def page(template: str, frame: Frame, **state: Any) -> str:
    """Return a page as HTML."""
    return _templates().get_template(template).render(frame=frame, **state)


def asset(name: str) -> Asset | None:
    """Return a file that pages load, None where there is none of this name."""
    return _assets().get(name)


@cache
def _assets() -> Mapping[str, Asset]:
    # a name that comes with a request is looked up here, and never in a folder
    return {
        file.name: Asset(
            text=file.read_text(encoding="utf-8"),
            headers={
                "Content-Type": _TYPES[file.name.rpartition(".")[2]],
                "Cache-Control": "max-age=86400",
                "X-Content-Type-Options": "nosniff",
            },
        )
        for file in (files(__package__) / "assets").iterdir()
    }


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = sha256("".join(item.text for item in _assets().values()).encode()).hexdigest()[:12]
    environment.globals.update(prefix=PREFIX, digest=digest, drawing=drawing)
    return environment

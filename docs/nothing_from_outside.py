"""Sphinx extension: a page of the built site that would load anything from elsewhere is an error of the build."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

_ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_IN_STYLES = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])([^"')\s]+)""")
_LOADING = {"src", "srcset", "poster", "data", "action", "formaction"}
_LINKS_THAT_LOAD_NOTHING = {"a", "area"}


class _Loaded(HTMLParser):
    """Collects what a browser fetches for a page by itself; links that a reader follows are none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self._styles = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._styles = tag == "style"
        for name, value in attrs:
            if name in _LOADING or (name == "href" and tag not in _LINKS_THAT_LOAD_NOTHING):
                self.addresses += [part.split()[0] for part in (value or "").split(",") if part.strip()]
            elif name == "style":
                self.addresses += _IN_STYLES.findall(value or "")

    def handle_data(self, data: str) -> None:
        if self._styles:
            self.addresses += _IN_STYLES.findall(data)

    def handle_endtag(self, tag: str) -> None:
        self._styles = False


def from_outside(name: str, text: str) -> list[str]:
    """List the addresses elsewhere that a browser loads for a page or a style sheet.

    :param name: name of the file; its end says what it is.
    """
    if name.endswith(".css"):
        addresses = _IN_STYLES.findall(text)
    else:
        page = _Loaded()
        page.feed(text)
        addresses = page.addresses
    return [address for address in addresses if _ELSEWHERE.match(address)]


def _problems(site: Path) -> Iterator[str]:
    for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")]):
        for address in from_outside(path.name, path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)} loads {address} from outside"


def _check(app: Sphinx, exception: Exception | None) -> None:
    from sphinx.errors import ExtensionError

    if exception is None and (problems := list(_problems(Path(app.outdir)))):
        raise ExtensionError("\n".join(problems))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the check with Sphinx."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

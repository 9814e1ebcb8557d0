"""The requests that the client sends, measured by the vendor's own request schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator

from tests.emulator.support import SAMPLES

UNPUBLISHED = {"GetFileVersion", "GetNodeChildren", "GetNodeParents", "ListFileVersions"}
"""Operations whose request schema is not at hand."""


@pytest.fixture(autouse=True)
def valid_requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Check every request of a test when it has ended; import this fixture to have it."""
    from darabonba.core import DaraCore

    sent: list[Any] = []
    send = DaraCore.do_action

    def record(request: Any, *options: Any) -> Any:
        if request.headers.get("x-acs-version") == "2020-05-18":
            sent.append(request)
        return send(request, *options)

    monkeypatch.setattr(DaraCore, "do_action", record)
    yield sent
    found = {
        mistake
        for request in sent
        for mistake in mistakes(request.headers["x-acs-action"], query=request.query, body=request.body)
    }
    if found:
        pytest.fail("\n".join(found))


def mistakes(operation: str, *, query: Mapping[str, str], body: bytes | str | None) -> Iterator[str]:
    """Tell what the vendor would not accept in a request."""
    if operation in UNPUBLISHED:
        return
    text = body.decode() if isinstance(body, bytes) else body or ""
    sent = {"query": dict(query), "formData": dict(parse_qsl(text, keep_blank_values=True))}
    document = {
        where: {name: _read(operation, name, value) for name, value in fields.items()} for where, fields in sent.items()
    }
    for error in _validator(operation).iter_errors(document):
        yield f"{operation} {error.json_path}: {error.message}"


@cache
def _validator(operation: str) -> Draft202012Validator:
    rules: Mapping[str, Mapping[str, Any]] = SAMPLES[operation]["request_schema"]
    return Draft202012Validator(
        {
            "type": "object",
            "properties": {where: _fields_of(rules, where) for where in ("query", "formData")},
        }
    )


def _fields_of(rules: Mapping[str, Mapping[str, Any]], where: str) -> dict[str, Any]:
    """Return the JSON schema of the parameters that belong into one part of a request."""
    here = {name: rule for name, rule in rules.items() if rule["in"] == where}
    return {
        "type": "object",
        "properties": {name: _field(rule) for name, rule in here.items()},
        "required": [name for name, rule in here.items() if rule["required"]],
        "additionalProperties": False,
    }


def _field(rule: Mapping[str, Any]) -> dict[str, Any]:
    """The vendor prints limits of numbers as text."""
    kept = {name: rule[name] for name in ("type", "enum", "maxLength", "minLength", "maxItems") if name in rule}
    return kept | {name: int(rule[name]) for name in ("minimum", "maximum") if name in rule}


def _read(operation: str, name: str, text: str) -> Any:
    """Return the value that a text stands for; the text itself where it is none of the type."""
    kind = SAMPLES[operation]["request_schema"].get(name, {}).get("type")
    if kind == "integer" and text.removeprefix("-").isdecimal():
        return int(text)
    # the vendor's SDK writes it as Python does
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text

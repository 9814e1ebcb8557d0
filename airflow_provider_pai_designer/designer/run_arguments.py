"""What a pipeline is run with by PAIFlow: its manifest with the values of its variables, and its arguments.

Source: https://help.aliyun.com/document_detail/438035.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.designer.variables import unbound_in
from airflow_provider_pai_designer.exceptions import ConfigurationError, ContentError


def render_arguments(given: Mapping[str, Any], *, over: str = "") -> str:
    """Write arguments as the YAML text that the service wants; empty where there are none.

    :param given: values of the manifest's inputs by their names; or the whole in the service's own form, with the one
        member ``arguments``.
    :param over: YAML text of the arguments that stay where ``given`` has none of that name.
    :raises ConfigurationError: they have another shape.
    """
    inner: Mapping[str, Any]
    inner = _inner(given) if set(given) == {"arguments"} else {"parameters": _named(given)}
    kept = _inner(_load("arguments of the pipeline's job", over)) if over.strip() else {}
    whole = {
        part: _over(kept.get(part) or [], inner.get(part) or [])
        for part in ("parameters", "artifacts")
        if kept.get(part) or inner.get(part)
    }
    return _dump({"arguments": whole}) if whole else ""


def check_manifest(text: str) -> None:
    """Check a manifest before it is sent.

    One of several documents, or without steps of its own, is only read: the service knows more forms than a drawn one.

    :raises ContentError: it is no YAML of that kind, a step is there twice or reads from none, or the steps form a
        cycle.
    """
    documents = _documents(text)
    spec = documents[-1].get("spec")
    if len(documents) == 1 and isinstance(spec, Mapping) and spec.get("pipelines"):
        Manifest.parse(text)


def fill_in(text: str, variables: Mapping[str, str]) -> str:
    """Give the global variables of a pipeline their values: every ``${name}`` in the steps' texts.

    :raises ConfigurationError: nothing in the pipeline uses a variable.
    :raises ContentError: the manifest cannot be read.
    """
    if not variables:
        return text
    pattern = re.compile(r"\$\{(" + "|".join(map(re.escape, variables)) + r")\}")
    used: set[str] = set()

    def value_of(match: re.Match[str]) -> str:
        used.add(match[1])
        return variables[match[1]]

    filled = [_replaced(document, lambda value: pattern.sub(value_of, value)) for document in _documents(text)]
    if unused := sorted(set(variables) - used):
        raise ConfigurationError(
            f"Nothing in the pipeline uses ${{{unused[0]}}}: correct its name in variables=, or leave it out."
        )
    return "---\n".join(map(_dump, filled))


def check_bound(text: str) -> list[str]:
    """Find variables of a pipeline that nothing gives a value.

    :return: warnings, a sentence each.
    :raises ConfigurationError: a field that an engine reads has a name without a value.
    """
    try:
        unbound = unbound_in(Manifest.parse(text))
    except ContentError:
        return []  # of a form that only the service knows
    if errors := [found for found in unbound if found.is_error]:
        raise ConfigurationError(
            f"Variables without a value: {'; '.join(map(str, errors))}. Add each name to variables=, such as "
            f"{{{errors[0].name!r}: '{{{{ macros.pai_designer.bizdate() }}}}'}}."
        )
    return [f"Perhaps a variable without a value (or the script's own): {found}." for found in unbound]


def _replaced(value: Any, replace: Any) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, Mapping):
        return {key: _replaced(member, replace) for key, member in value.items()}
    return [_replaced(member, replace) for member in value] if isinstance(value, list) else value


def _named(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in given.items()]


def _over(kept: list[dict[str, Any]], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {item["name"] for item in given}
    return [*(item for item in kept if item["name"] not in names), *given]


def _inner(document: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = document.get("arguments")
    parts = [inner.get(part) or [] for part in ("parameters", "artifacts")] if isinstance(inner, Mapping) else [None]
    if not all(isinstance(part, list) and all(_is_named(item) for item in part) for part in parts):
        raise ConfigurationError(
            "arguments must be a mapping of names to values, or in the service's own form: {'arguments': "
            "{'parameters': [{'name': ..., 'value': ...}], 'artifacts': [...]}}."
        )
    assert isinstance(inner, Mapping)
    return inner


def _is_named(item: object) -> bool:
    return isinstance(item, Mapping) and bool(item.get("name"))


def _load(what: str, text: str) -> Mapping[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ContentError(f"The {what} are not valid YAML: {error}") from None
    return document if isinstance(document, Mapping) else {}


def _documents(text: str) -> list[Mapping[str, Any]]:
    import yaml

    try:
        documents = [item for item in yaml.safe_load_all(text) if item is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ContentError(f"The manifest is not valid YAML: {' '.join(str(error).split())}") from None
    if not documents or not all(isinstance(item, Mapping) for item in documents):
        raise ContentError(
            "The manifest must be YAML with apiVersion, metadata and spec, as PAIFlow takes it: "
            "https://help.aliyun.com/zh/pai/user-guide/pipeline-manifest"
        )
    return documents


def _dump(document: Any) -> str:
    import yaml

    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=2**31)

"""What a user would lose: the provider in Airflow, its connection form, its documentation link."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_pai_designer.exceptions import ConfigurationError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.provider_info import get_provider_info

INFO: dict[str, Any] = get_provider_info()
SCHEMAS = Path(airflow.__file__).parent


@pytest.mark.parametrize("schema", ["provider_info.schema.json"])
def test_airflow_accepts_the_description(schema: str) -> None:
    jsonschema.validate(INFO, json.loads((SCHEMAS / schema).read_text()))


def test_the_connection_form_has_the_shape_that_airflow_documents() -> None:
    strict = json.loads((SCHEMAS / "provider.yaml.schema.json").read_text())
    form = strict["properties"]["connection-types"]
    jsonschema.validate(INFO["connection-types"], {**form, "definitions": strict.get("definitions", {})})


def test_the_connection_type_is_that_of_the_hook() -> None:
    (kind,) = INFO["connection-types"]
    assert kind["connection-type"] == PaiDesignerHook.conn_type
    assert kind["hook-name"] == PaiDesignerHook.hook_name
    assert kind["hook-class-name"] == f"{PaiDesignerHook.__module__}.{PaiDesignerHook.__qualname__}"
    hook = PaiDesignerHook(**{PaiDesignerHook.conn_name_attr: "another"})
    assert hook.pai_designer_conn_id == "another"


def generation_behind(monkeypatch: pytest.MonkeyPatch, **extra: str) -> str:
    """The class behind a connection with these fields."""
    fields = {"region": "cn-shanghai", "workspace": "w", **extra}
    connection = {"conn_type": "pai_designer", "login": "id", "password": "secret", "extra": fields}
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", json.dumps(connection))
    return type(PaiDesignerHook().dataworks).__name__


def test_the_connection_chooses_the_generation_of_datastudio(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = INFO["connection-types"][0]["conn-fields"]["data_studio"]["schema"]
    assert [generation_behind(monkeypatch, data_studio=choice) for choice in schema["enum"]] == [
        "DataWorks",
        "NewDataStudio",
    ]
    assert generation_behind(monkeypatch) == generation_behind(monkeypatch, data_studio=schema["default"])
    with pytest.raises(ConfigurationError, match="Unknown data_studio 'newer' in the connection; .* legacy, new"):
        generation_behind(monkeypatch, data_studio="newer")


def test_every_field_of_the_form_is_explained() -> None:
    page = (Path(__file__).parent.parent / "docs" / "connection.md").read_text(encoding="utf-8")
    for name, field in INFO["connection-types"][0]["conn-fields"].items():
        assert f"| {field['label']} | extra `{name}` |" in page


def test_every_named_module_exists() -> None:
    for room in ("hooks", "operators", "triggers"):
        for entry in INFO[room]:
            for module in entry["python-modules"]:
                import_module(module)


def test_the_distribution_is_found_by_airflow() -> None:
    (entry,) = [
        point
        for point in metadata.entry_points(group="apache_airflow_provider")
        if point.module.startswith("airflow_provider_pai_designer")
    ]
    assert entry.load()()["package-name"] == entry.dist.name if entry.dist else False


def test_reading_the_description_imports_nothing() -> None:
    script = (
        "import sys; before = set(sys.modules); import airflow_provider_pai_designer.provider_info; "
        "print(sorted(set(sys.modules) - before))"
    )
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert eval(output) == [
        "__future__",
        "airflow_provider_pai_designer",
        "airflow_provider_pai_designer.provider_info",
    ]

"""What a user would lose: lineage that names the very tables and partitions that a run reads and writes."""

from __future__ import annotations

import pytest

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.tables import TableUse, tables_of
from tests.contents import read_content

WRITTEN = "demo_project.demo_output_table"


def content(*changes: tuple[str, str], name: str = "global_variable") -> NodeContent:
    """A content of real-world shape, with texts of its manifest replaced."""
    found = NodeContent.parse(read_content(name))
    manifest = found.flow["paiflowPipeline"]
    for old, new in changes:
        assert old in manifest
        manifest = manifest.replace(old, new)
    return found.replace(paiflowPipeline=manifest)


@pytest.mark.parametrize("name", ["global_variable", "global_variable_bare"])
def test_the_partition_is_that_of_the_business_date_through_the_global_variable(name: str) -> None:
    tables = tables_of(content(name=name), {"bizdate": "20261122"})
    assert tables.reads == ("demo_project.demo_input_table", "demo_project.dwd_user_info_d")
    assert tables.writes == (TableUse(name=WRITTEN, partition=(("dt", "20261122"),)),)


def test_a_partition_whose_value_is_not_known_is_none() -> None:
    assert tables_of(content(), {"other": "1"}).writes == (TableUse(name=WRITTEN),)


@pytest.mark.parametrize("text", ["dt=${bizdate}/hh='07'", 'dt = ${bizdate}, hh = \\"07\\"'])
def test_several_columns_of_a_partition_are_told_apart(text: str) -> None:
    (written,) = tables_of(content(("dt=${global_var1}", text)), {"bizdate": "20261122"}).writes
    assert written.partition == (("dt", "20261122"), ("hh", "07"))


@pytest.mark.parametrize("text", ["dt=", "dt", "dt=1,", "dt=1=2"])
def test_a_partition_that_cannot_be_read_is_none(text: str) -> None:
    (written,) = tables_of(content(("dt=${global_var1}", text)), {}).writes
    assert written.partition == ()


def test_a_variable_in_the_name_of_a_table_is_filled_in_or_the_table_left_out() -> None:
    named = content((WRITTEN, "demo_project.out_${bizdate}"))
    assert [use.name for use in tables_of(named, {"bizdate": "20261122"}).writes] == ["demo_project.out_20261122"]
    assert tables_of(named, {}).writes == ()


def test_a_table_without_a_project_gets_it_where_it_is_known() -> None:
    bare = content((WRITTEN, "demo_output_table"))
    assert bare.project == "demo_project_dev"
    assert [use.name for use in tables_of(bare, {}, project=bare.project).writes] == [
        "demo_project_dev.demo_output_table"
    ]
    assert tables_of(bare, {}).writes == ()


def test_a_table_that_the_console_has_listed_beside_the_manifest_counts() -> None:
    listed = content().replace(inputs=[{"type": "MaxComputeTable", "value": "demo_project.of_a_sql_text"}])
    assert "demo_project.of_a_sql_text" in tables_of(listed, {}).reads


def test_a_pipeline_without_tables_reads_and_writes_none() -> None:
    none = NodeContent.parse(read_content("three_steps"))
    assert (tables_of(none, {}).reads, tables_of(none, {}).writes) == ((), ())

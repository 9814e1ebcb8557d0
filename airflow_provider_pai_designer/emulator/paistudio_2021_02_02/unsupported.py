"""The operations that the emulator does not have: they are called where they are, and say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from airflow_provider_pai_designer.emulator import pai
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.registry import operation
from airflow_provider_pai_designer.emulator.world import World

ADDRESSES: Mapping[str, str] = {
    "CreateExperimentMigrateValidation": "POST /migrate/experimentvalidation",
    "GetAlgoTree": "GET /algo/tree",
    "GetAlgorithmDef": "GET /algorithm/def",
    "GetAlgorithmDefs": "GET /algorithm/defs",
    "GetAlgorithmTree": "GET /algorithm/tree",
    "GetExperimentVisualizationMeta": "GET /experiments/{ExperimentId}/visualizationMeta",
    "GetExperimentsStatistics": "GET /statistics/experiments",
    "GetExperimentsUsersStatistics": "GET /statistics/experimentsusers",
    "GetMCTableSchema": "GET /datasources/maxcompute/tables/{TableName}/schema",
    "GetNodeInputSchema": "GET /experiments/{ExperimentId}/nodes/{NodeId}/schema",
    "GetNodeOutput": "GET /experiments/{ExperimentId}/nodes/{NodeId}/outputs/{OutputId}",
    "ListAuthRoles": "GET /authorization/roles",
    "ListImageLabels": "GET /image/labels",
    "ListImages": "GET /images",
    "ListNodeOutputs": "GET /experiments/{ExperimentId}/nodes/{NodeId}/outputs",
    "ListRecentExperiments": "GET /recentexperiments",
    "MigrateExperimentFolders": "POST /migrate/folders",
    "MigrateExperiments": "POST /migrate/experiments",
    "PreviewMCTable": "GET /datasources/maxcompute/tables/{TableName}/preview",
    "QueryExperimentVisualizationData": "PUT /experiments/{ExperimentId}/visualizationDataQuery",
    "SearchMCTables": "GET /datasources/maxcompute/tables",
}


def _refuse(_: World, __: Caller, ___: dict[str, Any]) -> NoReturn:
    raise pai.not_supported("This operation")


for _name, _address in ADDRESSES.items():
    operation(_name, _address, {})(_refuse)

"""What a user would lose: a node that the new Data Studio takes as it was meant, and knows again on the next day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from airflow_provider_pai_designer.designer.flow_spec import (
    StudioNode,
    read_moment,
    read_node,
    same_code,
    storable,
    write_changes,
    write_dependencies,
    write_moment,
    write_node,
)
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule, SchedulerType, difference
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import NodeDefinitionError
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.contents import read_content

SCHEMAS = Path(__file__).parent / "flowspec"
SAMPLES = Path(__file__).parent.parent / "emulator" / "vendor_replies" / "2024-05-18"
ZONE = ZoneInfo("Asia/Shanghai")
WORKSPACE = Workspace(id=1, identifier="myws", environments=(Environment.DEV, Environment.PROD))
ALWAYS = Schedule(start=read_moment("1970-01-01 00:00:00", ZONE), end=read_moment("9999-01-01 00:00:00", ZONE))
CHURN = Node(
    name="af_designer_churn",
    folder="airflow/designer",
    content=read_content("global_variable"),
    parameters=SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
    schedule=replace(ALWAYS, cron="00 30 02 * * ?"),
    rerun=RerunPolicy(mode="FAILURE_ALLOWED", times=0, interval_seconds=180),
    resource_group="Serverless_res_group_123_456",
)
FULL = replace(
    CHURN,
    parents=("myws.first", "myws.second"),
    parameters=SchedulingParameters.from_mapping({"dt": "$[yyyymmdd-1]", "mode": "full", "p": "a_${yyyymmdd}"}),
    schedule=Schedule(cron="00 00 00-23/1 * * ?", type=SchedulerType.SKIP),
    rerun=RerunPolicy(mode="ALL_DENIED", times=3, interval_seconds=60),
    owner="1107550004253538",
    description="客户流失",
)


def write(node: Node) -> dict[str, Any]:
    """Return the spec of a declared node."""
    spec: dict[str, Any] = json.loads(write_node(storable(node, WORKSPACE, ZONE), WORKSPACE, ZONE))
    return spec


def stored(spec: Any, *, node_id: str = "860438872620113", **members: Any) -> StudioNode:
    """Read a spec as GetNode gives it."""
    data = {"Id": node_id, "Name": "n", "Owner": "1", "ModifyTime": 1700539206000, "Spec": json.dumps(spec), **members}
    return read_node(data, ZONE)


def test_the_spec_is_the_documented_one() -> None:
    assert write(CHURN) == {
        "version": "1.1.0",
        "kind": "Node",
        "spec": {
            "nodes": [
                {
                    "id": "af_designer_churn",
                    "name": "af_designer_churn",
                    "recurrence": "Normal",
                    "instanceMode": "T+1",
                    "rerunMode": "FailureAllowed",
                    "rerunTimes": 0,
                    "rerunInterval": 180000,
                    "script": {
                        "path": "airflow/designer/af_designer_churn",
                        "language": "json",
                        "runtime": {"command": "PAI_STUDIO"},
                        "content": CHURN.content,
                        "parameters": [
                            {
                                "name": "bizdate",
                                "type": "System",
                                "scope": "NodeParameter",
                                "value": "$bizdate",
                                "artifactType": "Variable",
                            }
                        ],
                    },
                    "trigger": {
                        "type": "Scheduler",
                        "cron": "00 30 02 * * ?",
                        "startTime": "1970-01-01 00:00:00",
                        "endTime": "9999-01-01 00:00:00",
                        "timezone": "Asia/Shanghai",
                        "delaySeconds": 0,
                    },
                    "runtimeResource": {"resourceGroup": "Serverless_res_group_123_456"},
                    "inputs": {"nodeOutputs": [{"data": "myws_root", "artifactType": "NodeOutput"}]},
                    "outputs": {"nodeOutputs": [{"data": "myws.af_designer_churn", "artifactType": "NodeOutput"}]},
                }
            ],
            "flow": [{"nodeId": "af_designer_churn", "depends": [{"type": "Normal", "output": "myws_root"}]}],
        },
    }


def test_values_are_told_from_expressions() -> None:
    parameters = write(FULL)["spec"]["nodes"][0]["script"]["parameters"]
    assert {item["name"]: item["type"] for item in parameters} == {"dt": "System", "mode": "Constant", "p": "System"}


def departures(spec: Any) -> set[str]:
    """Say where a spec is not as the vendor's schemas want it: the place without its numbers, and what is wrong."""
    registry: Registry[Any] = Registry()
    for path in SCHEMAS.glob("*.schema.json"):
        # The schemas name the artifact they mean by an anchor that none of them has.
        text = path.read_text(encoding="utf-8")
        for name in ("Table", "Variable", "NodeOutput"):
            text = text.replace(f"artifact.schema.json#{name}", f"artifact.schema.json#/{name[0].lower()}{name[1:]}")
        resource = Resource.from_contents(json.loads(text), default_specification=DRAFT202012)
        registry = registry.with_resource(f"https://dataworks.data.aliyun.com/schemas/1.1.0/{path.name}", resource)
    schema = registry.contents("https://dataworks.data.aliyun.com/schemas/1.1.0/flow.schema.json")
    errors = Draft202012Validator(schema, registry=registry).iter_errors(spec)
    return {
        f"{'.'.join(part for part in error.absolute_path if isinstance(part, str))}: {error.message[-120:]}"
        for error in errors
    }


IDS = {
    "spec.nodes.script: 'id' is a required property",
    "spec.nodes.trigger: 'id' is a required property",
    "spec.nodes.runtimeResource: 'id' is a required property",
}
"""Ids that the service gives to the parts of a node."""

KNOWN = IDS | {
    "kind: 'Node' is not one of ['CycleWorkflow', 'ManualWorkflow']",
    "spec.nodes.inputs.nodeOutputs: 'output' is a required property",
    "spec.nodes.outputs.nodeOutputs: 'output' is a required property",
}
"""What the schemas, which describe whole workflows, want otherwise than the operation that takes one node."""


def vendor_sample() -> Any:
    """The vendor's own sample of a spec: in the request of CreateNode."""
    request = json.loads((SAMPLES / "CreateNode.json").read_text(encoding="utf-8"))["request_params"]
    return json.loads(request["Spec"])


def completed(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with all that the service adds to it."""
    for node in spec["spec"]["nodes"]:
        for part in ("script", "trigger", "runtimeResource"):
            if part in node:
                node[part]["id"] = "543680677872062"
        for number, parameter in enumerate(node["script"].get("parameters", ())):
            parameter["id"] = str(number)
        for artifact in (*node["inputs"]["nodeOutputs"], *node["outputs"]["nodeOutputs"]):
            artifact["output"] = artifact["data"]
    return {**spec, "kind": "CycleWorkflow"}


def test_the_vendors_own_sample_departs_from_the_vendors_schemas() -> None:
    assert departures(vendor_sample()) == KNOWN
    assert departures(completed(vendor_sample())) == set()


@pytest.mark.parametrize("node", [CHURN, FULL, Node(name="n", folder="f", content="{}")], ids=["churn", "full", "bare"])
def test_the_spec_is_valid(node: Node) -> None:
    without_parameters = replace(node, parameters=SchedulingParameters.from_mapping({}))
    assert departures(write(without_parameters)) <= KNOWN
    assert departures(completed(write(node))) == set()


def test_the_schemas_do_find_faults() -> None:
    spec = completed(write(CHURN))
    spec["spec"]["nodes"][0].update(rerunMode="ALL_ALLOWED", rerunTimes=0)
    spec["spec"]["nodes"][0]["trigger"]["type"] = "NORMAL"
    spec["spec"]["nodes"][0]["script"]["parameters"][0]["type"] = "Expression"
    del spec["spec"]["flow"][0]["depends"][0]["type"]
    assert len(departures(spec)) == 4


@pytest.mark.parametrize("node", [CHURN, FULL, Node(name="n", folder="f", content="{}")], ids=["churn", "full", "bare"])
def test_what_was_written_is_read_back(node: Node) -> None:
    wanted = storable(node, WORKSPACE, ZONE)
    read = stored(write(node), TaskId=700006680527)
    assert read.node == replace(wanted, owner=node.owner or "1")
    assert (read.task_id, read.workflow, read.outputs) == (700006680527, None, (f"myws.{node.name}",))


names = st.from_regex("[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "date")
expressions = st.sampled_from(["$bizdate", "$[yyyymmdd-1]", "${yyyymmdd+7}", "$[hh24-1/24]", "x", "a_$cyctime", "业务"])
nodes = st.builds(
    Node,
    name=st.text(min_size=1, max_size=20).filter(lambda name: name == name.strip() and "/" not in name),
    folder=st.lists(st.text("abc 业务", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join),
    content=st.sampled_from(["{}", "not json", read_content("three_steps")]),
    parameters=st.dictionaries(names, expressions, max_size=4).map(SchedulingParameters.from_mapping),
    schedule=st.builds(
        Schedule,
        cron=st.sampled_from(["00 05 00 * * ?", "00 00 00-23/1 * * ?", "00 00 03 ? * 1,3"]),
        type=st.sampled_from([SchedulerType.NORMAL, SchedulerType.PAUSE, SchedulerType.SKIP]),
        start=st.integers(0, 2 * 10**12),
        end=st.integers(2 * 10**12, 4 * 10**12),
    ),
    parents=st.lists(st.sampled_from(["a.b", "a.c", "业务.d"]), unique=True).map(tuple),
    rerun=st.builds(
        RerunPolicy,
        mode=st.sampled_from(["ALL_ALLOWED", "FAILURE_ALLOWED", "ALL_DENIED"]),
        times=st.integers(0, 10),
        interval_seconds=st.integers(0, 1800),
    ),
    resource_group=st.none() | st.just("group_1"),
    owner=st.none() | st.just("11075"),
    description=st.text(max_size=10),
)


@given(node=nodes, zone=st.sampled_from([ZONE, ZoneInfo("America/New_York"), ZoneInfo("UTC")]))
def test_a_declared_node_never_differs_from_itself(node: Node, zone: ZoneInfo) -> None:
    wanted = storable(node, WORKSPACE, zone)
    data = {"Id": "1", "Spec": write_node(wanted, WORKSPACE, zone)}
    assert difference(read_node(data, zone).node, wanted) == ()


@pytest.mark.parametrize(
    ("change", "members"),
    [
        ({"content": read_content("three_steps")}, {"script"}),
        ({"parameters": SchedulingParameters.from_mapping({"a": "1"})}, {"script"}),
        ({"schedule": replace(CHURN.schedule, cron="00 10 01 * * ?")}, {"trigger"}),
        ({"schedule": replace(CHURN.schedule, cron="00 00 00-23/1 * * ?")}, {"trigger"}),
        ({"schedule": replace(CHURN.schedule, start=0)}, {"trigger"}),
        ({"schedule": replace(CHURN.schedule, type=SchedulerType.SKIP)}, {"recurrence", "trigger"}),
        ({"rerun": RerunPolicy(mode="FAILURE_ALLOWED", times=2, interval_seconds=180)}, {"rerunTimes"}),
        ({"description": "new"}, {"description"}),
        ({"owner": "2"}, {"owner"}),
        ({"resource_group": "other"}, {"runtimeResource"}),
        ({"parents": ("myws.other",)}, {"inputs"}),
    ],
)
def test_an_update_says_what_differs_and_nothing_else(change: dict[str, Any], members: set[str]) -> None:
    old, new = (storable(node, WORKSPACE, ZONE) for node in (CHURN, replace(CHURN, **change)))
    changed = [item.name for item in difference(old, new)]
    spec = json.loads(write_changes("860438872620113", new, changed, ZONE))
    (node,) = spec["spec"]["nodes"]
    assert (spec["kind"], node["id"], node.keys() - {"id"}) == ("Node", "860438872620113", members)
    assert spec["spec"].get("flow") == (
        [{"nodeId": "860438872620113", "depends": [{"type": "Normal", "output": "myws.other"}]}]
        if "parents" in changed
        else None
    )
    whole = json.loads(write_node(new, WORKSPACE, ZONE))["spec"]["nodes"][0]
    assert {name: node[name] for name in members} == {name: whole[name] for name in members}


def test_dropped_dependencies_are_said_again_in_the_other_form() -> None:
    spec = json.loads(write_dependencies("860438872620113", ("a.b",)))
    assert (spec["version"], spec["kind"]) == ("2.0.0", "Node")
    assert spec["spec"]["dependencies"] == [
        {"nodeId": "860438872620113", "depends": [{"type": "Normal", "output": "a.b"}]}
    ]


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """A stored spec in the forms in which it may come back."""
    spec = write(CHURN)["spec"]
    yield "newer", {"version": "2.0.0", "kind": "Node", "spec": {"nodes": spec["nodes"], "dependencies": spec["flow"]}}
    yield "without_flow", {"version": "1.1.0", "kind": "Node", "spec": {"nodes": spec["nodes"]}}
    workflow = {
        "id": "9001",
        "name": "nightly",
        "nodes": [{"id": "1", "name": "other", "script": {"path": "other"}}, {**spec["nodes"][0], "id": "86"}],
        "dependencies": [{**spec["flow"][0], "nodeId": "86"}, {"nodeId": "1", "depends": []}],
    }
    yield "in_a_workflow", {"version": "2.0.0", "kind": "CycleWorkflow", "spec": {"workflows": [workflow]}}


@pytest.mark.parametrize(("form", "spec"), list(variants()))
def test_every_form_of_a_stored_spec_is_read(form: str, spec: dict[str, Any]) -> None:
    read = stored(spec, node_id="86")
    assert difference(read.node, storable(CHURN, WORKSPACE, ZONE)) == ()
    assert read.workflow == ("nightly" if form == "in_a_workflow" else None)


def test_dependencies_that_the_service_dropped_are_seen() -> None:
    spec = write(CHURN)
    spec["spec"]["flow"] = []
    (change,) = difference(stored(spec).node, storable(CHURN, WORKSPACE, ZONE))
    assert change.name == "parents"


def test_only_parents_of_the_same_cycle_are_parents() -> None:
    spec = write(CHURN)
    spec["spec"]["flow"][0]["depends"].append({"type": "CrossCycleDependsOnSelf", "output": "myws.af_designer_churn"})
    assert stored(spec).node.parents == ("myws_root",)


def test_whatever_stands_in_a_stored_spec_is_a_difference_and_never_ours() -> None:
    spec = write(CHURN)
    (node,) = spec["spec"]["nodes"]
    node.update(recurrence="NoneAuto", rerunMode="Sometimes")
    node["script"]["parameters"] = [{"type": "NoKvVariableExpression", "value": "a=1 b"}]
    changes = difference(stored(spec).node, storable(CHURN, WORKSPACE, ZONE))
    assert {item.name for item in changes} == {"parameters", "scheduler_type", "rerun_mode"}
    assert stored(spec).node.parameters == {"a": "1", "1": "b"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": Schedule(type=SchedulerType.MANUAL)}, "Leave schedule unset"),
        ({"schedule": Schedule(end=10**18)}, "no epoch milliseconds"),
        ({"parameters": SchedulingParameters.from_mapping({"1": "$bizdate"})}, "by name only"),
    ],
)
def test_what_data_studio_cannot_have_is_refused_before_anything_is_sent(change: dict[str, Any], message: str) -> None:
    with pytest.raises(NodeDefinitionError, match=message):
        storable(replace(CHURN, **change), WORKSPACE, ZONE)


def test_an_effective_window_is_kept_to_the_second() -> None:
    node = storable(replace(CHURN, schedule=Schedule(start=1_700_000_000_123)), WORKSPACE, ZONE)
    assert node.schedule.start == 1_700_000_000_000
    assert write_moment(node.schedule.start, ZONE) == "2023-11-15 06:13:20"


def test_the_scheduler_has_the_flow_of_a_content_and_no_more() -> None:
    content = read_content("global_variable")
    flow = json.dumps(json.loads(json.loads(content)["content"]), indent=1)
    assert same_code(content, flow)
    assert not same_code(content, read_content("three_steps"))
    assert not same_code(content, "select 1")

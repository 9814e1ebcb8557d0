"""What a pipeline draft holds: the drawing, of which PAI makes the manifest that it runs.

How one follows from the other is not documented; it was read off drafts and node contents of the same pipelines.
The shape: https://help.aliyun.com/zh/pai/user-guide/api-paistudio-2021-02-02-updateexperimentcontent
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import uuid4

import yaml

# the ones written in C are ten times as fast, and not everywhere
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
EXECUTION = "execution_maxcompute"
"""The root input by which a run is told where to execute."""


def blank(name: str, description: str) -> str:
    """Return the content of a draft on which nothing is drawn."""
    return _write(name, description, nodes=[], edges=[])


def of_manifest(manifest: str, *, name: str) -> str:
    """Return the content of a draft that draws the steps of a manifest."""
    nodes, edges = _drawing(manifest)
    return _write(name, "", nodes=nodes, edges=edges)


def manifest(content: Mapping[str, Any], *, only: Collection[str], provider: str) -> str:
    """Return the manifest of a draft.

    :param content: of the draft, decoded.
    :param only: ids of the nodes that are to be in it; what others hand over is left out.
    """
    edges = [edge for edge in content.get("edges") or () if edge["source"] in only]
    document = {
        "apiVersion": "core/v1",
        "metadata": {"provider": provider, "version": "v1", "identifier": str(uuid4()), "annotations": {}},
        "spec": {
            "inputs": {"artifacts": [], "parameters": [{"name": EXECUTION, "type": "Map"}]},
            "arguments": {"artifacts": [], "parameters": []},
            "dependencies": [],
            "initContainers": [],
            "sideCarContainers": [],
            "pipelines": [
                _step(node, [edge for edge in edges if edge["target"] == node["id"]])
                for node in content["nodes"]
                if node["id"] in only
            ],
            "volumes": [],
        },
    }
    return str(yaml.dump(document, Dumper=_DUMPER, explicit_start=True, sort_keys=False, allow_unicode=True))


def arguments(*, region: str, project: str) -> str:
    """Return the arguments of a run of a draft."""
    where = {"endpoint": f"http://service.{region}.maxcompute.aliyun.com/api", "odpsProject": project}
    value = {**where, "spec": dict(where), "resourceType": "MaxCompute"}
    document = {"arguments": {"parameters": [{"name": EXECUTION, "value": value}]}}
    return str(yaml.dump(document, Dumper=_DUMPER, explicit_start=True, sort_keys=False))


def reach(content: Mapping[str, Any], node_id: str, *, downstream: bool) -> set[str]:
    """Return the ids of a node and of all that lies before or behind it."""
    found, fresh = set[str](), {node_id}
    near, far = ("source", "target") if downstream else ("target", "source")
    while fresh:
        found |= fresh
        fresh = {edge[far] for edge in content.get("edges") or () if edge[near] in fresh} - found
    return found


@lru_cache(maxsize=16)
def _drawing(manifest: str) -> tuple[list[Any], list[Any]]:
    steps = yaml.load(manifest, Loader=_LOADER)["spec"]["pipelines"]
    nodes = [_node(step, place) for place, step in enumerate(steps)]
    return nodes, [edge for step in steps for edge in _edges(step)]


def _node(step: Mapping[str, Any], place: int) -> dict[str, Any]:
    metadata = step["metadata"]
    return {
        "id": metadata["name"],
        "name": metadata.get("displayName") or metadata["name"],
        "metadata": {name: metadata[name] for name in ("identifier", "version", "provider")},
        "properties": [
            {"name": parameter["name"], "value": parameter["value"]}
            for parameter in step["spec"]["arguments"]["parameters"]
            if "value" in parameter
        ],
        "position": {"x": 200, "y": 100 * (place + 1)},
    }


def _edges(step: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    for artifact in step["spec"]["arguments"]["artifacts"]:
        source, _, anchor = artifact["from"].strip("{} ").removeprefix("pipelines.").partition(".outputs.artifacts.")
        yield {
            "source": source,
            "sourceAnchor": anchor,
            "target": step["metadata"]["name"],
            "targetAnchor": artifact["name"],
        }


def _step(node: Mapping[str, Any], edges: list[dict[str, str]]) -> dict[str, Any]:
    parameters = [{"name": item["name"], "value": item["value"]} for item in node.get("properties") or ()]
    artifacts = [
        {
            "name": edge["targetAnchor"],
            "from": f"{{{{pipelines.{edge['source']}.outputs.artifacts.{edge['sourceAnchor']}}}}}",
        }
        for edge in edges
    ]
    execution = {"name": "execution", "from": f"{{{{inputs.parameters.{EXECUTION}}}}}"}
    return {
        "apiVersion": "core/v1",
        "metadata": {
            **node["metadata"],
            "name": node["id"],
            "displayName": node.get("name") or node["id"],
            "annotations": {},
        },
        "spec": {
            "arguments": {"artifacts": artifacts, "parameters": [*parameters, execution]},
            "dependencies": list(dict.fromkeys(edge["source"] for edge in edges)),
            "initContainers": [],
            "sideCarContainers": [],
            "pipelines": [],
            "volumes": [],
        },
    }


def _write(name: str, description: str, *, nodes: list[Any], edges: list[Any]) -> str:
    content = {
        "metadata": {"name": name, "desc": description},
        "nodes": nodes,
        "edges": edges,
        # what an item of these looks like is not documented
        "globalParams": [],
        "globalSettings": [],
    }
    return json.dumps(content, ensure_ascii=False)

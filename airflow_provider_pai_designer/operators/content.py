"""Where the content of a declared node comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.exceptions import ConfigurationError, NodeDefinitionError
from airflow_provider_pai_designer.hooks.arguments import read_text
from airflow_provider_pai_designer.hooks.context import read_file
from airflow_provider_pai_designer.hooks.loading import load_pipeline, readable

if TYPE_CHECKING:
    from airflow_provider_pai_designer.designer.node import Node
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

_OF_PIPELINE = ("pipeline", "pipeline_id")


@dataclass(frozen=True, kw_only=True)
class ContentSource:
    """The one argument that says which content a node is to have.

    :param name: of the argument.
    :param value: of the argument, as it was given.
    """

    name: str
    value: object

    @classmethod
    def read(cls, arguments: Mapping[str, object], *, follows_pipeline: bool) -> ContentSource:
        """Find the argument that was given.

        :param follows_pipeline: False where the task says what to do about a pipeline that has changed.
        :raises ConfigurationError: there is not exactly one, or none that loads a pipeline which could change.
        """
        given = [name for name, value in arguments.items() if value is not None]
        if len(given) != 1:
            *others, last = (f"{name}=" for name in arguments)
            raise ConfigurationError(
                f"Give the node's content once: as {', '.join(others)} or {last}, not "
                f"{' and '.join(given) if given else 'none of them'}."
            )
        if not follows_pipeline and given[0] not in _OF_PIPELINE:
            raise ConfigurationError(
                f"on_pipeline_change is about a pipeline of PAI Designer, and {given[0]}= names none: leave it out, or "
                "give pipeline= or pipeline_id=."
            )
        return cls(name=given[0], value=arguments[given[0]])

    def content(
        self, hook: PaiDesignerHook, node: Node, *, environment: str, beside: Path, keep_copy: bool
    ) -> tuple[str, tuple[str, ...]]:
        """Read the content; nothing is written.

        :param node: that is to have it.
        :param environment: to which ids of nodes belong.
        :param beside: the folder where relative paths of files start.
        :param keep_copy: let the node keep its copy of a pipeline that has changed.
        :return: the content, and in what its pipeline differs from the copy that the node has, in words.
        :raises ConfigurationError, ContentError, NodeDefinitionError, PipelineError: it cannot be used, or not be told.
        """
        if self.name in _OF_PIPELINE:
            return self._load(hook, node, keep_copy=keep_copy)
        text = self.at_hand(beside)
        if text is None:
            text = self._copy(hook, node, environment)
        return NodeContent.parse(text).completed().render(), ()

    def at_hand(self, beside: Path) -> str | None:
        """Return the content if it is given with the DAG, and the service need not be asked for it.

        :param beside: the folder where relative paths of files start.
        """
        if self.name == "content":
            return self._given()
        return read_file(beside, self.value, "content") if self.name == "content_file" else None

    def _load(self, hook: PaiDesignerHook, node: Node, *, keep_copy: bool) -> tuple[str, tuple[str, ...]]:
        reference = read_text(self.name, self.value)
        pipeline = hook.find_pipeline(reference) if self.name == "pipeline" else hook.get_pipeline(reference)
        kept = readable(hook.get_content(name=node.name, folder=node.folder))
        loaded = load_pipeline(hook, pipeline, kept=kept, parameters=node.parameters)
        content = kept if kept and keep_copy else loaded.content
        return content.render(), loaded.changes

    def _given(self) -> str:
        if not isinstance(self.value, str):
            raise ConfigurationError(
                f"content must be text, not {type(self.value).__name__}: it is no template, so what another task "
                "returned cannot stand here. Write it to a file and give content_file=, or map the task over it."
            )
        return self.value

    def _copy(self, hook: PaiDesignerHook, node: Node, environment: str) -> str:
        reference = read_text(self.name, self.value)
        if reference.isdecimal():
            # An environment may have only what its scheduler gets, which is the older form of a content.
            return NodeContent.parse(hook.get_node_content(int(reference), environment=environment)).wrap().render()
        folder, _, name = reference.rpartition("/")
        text = hook.get_content(name=name, folder=folder or node.folder)
        if text is None:
            raise NodeDefinitionError(
                f"There is no PAI Designer node {name!r} in the folder {folder or node.folder!r} to copy from: correct "
                "copy_from_node= (an id, <folder>/<name>, or a name in the same folder)."
            )
        return text

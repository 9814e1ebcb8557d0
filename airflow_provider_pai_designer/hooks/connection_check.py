"""What the Test button of a connection says: what works, what is missing, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NotFoundError,
    PaiDesignerError,
    PermissionDeniedError,
    ServiceError,
)

if TYPE_CHECKING:
    from airflow_provider_pai_designer.designer.workspace import Workspace
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

_MOST_NAMES = 10


def try_connection(hook: PaiDesignerHook) -> str:
    """Make one or two reads, and say what works.

    :raises PaiDesignerError: what does not, and what to do about it.
    """
    if not hook.workspace_name:
        return (
            f"The key works in {hook.region}, where it sees {_shown(hook.dataworks.list_workspace_names())}. The "
            "connection names no workspace: fill in Workspace, or give workspace= to every operator."
        )
    try:
        workspace = hook.workspace
    except (NotFoundError, PermissionDeniedError) as error:
        raise _out_of_sight(hook, error) from None
    try:
        nodes = hook.dataworks.count_nodes(workspace)
    except PaiDesignerError as error:
        raise ConfigurationError(
            f"The key sees the workspace {workspace.identifier!r} in {hook.region}, but not its nodes. {error}"
        ) from None
    return f"The key works in {hook.region}: {_describe(workspace)}, {nodes} node(s) in DataStudio.{_ration(hook)}"


def _describe(workspace: Workspace) -> str:
    mode = "standard mode" if workspace.standard_mode else 'basic mode: write environment="PROD"'
    return f"workspace {workspace.identifier!r} ({workspace.id}, {mode})"


def _ration(hook: PaiDesignerHook) -> str:
    """Say what a Basic edition leaves: of that little, this test has taken a part."""
    return " The edition basic has 100 calls a day, and this test took two." if hook.edition == "basic" else ""


def _out_of_sight(hook: PaiDesignerHook, error: ServiceError) -> PaiDesignerError:
    """Tell a wrong workspace from a wrong region, by what else the key sees there."""
    try:
        names = hook.dataworks.list_workspace_names()
    except (NotFoundError, PermissionDeniedError):
        return error
    if not names:
        return ConfigurationError(
            f"The key works, but sees no workspace at all in {hook.region}: set Region to that of the workspace "
            f"{hook.workspace_name!r}, or make the RAM user a member of it."
        )
    return ConfigurationError(
        f"The key works in {hook.region}, but sees no workspace {hook.workspace_name!r} there; it sees "
        f"{_shown(names)}. Set Workspace to its identifier or number, or make the RAM user a member of it."
    )


def _shown(names: list[str]) -> str:
    if not names:
        return "no workspace"
    return ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")

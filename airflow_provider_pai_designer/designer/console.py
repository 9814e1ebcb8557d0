"""Where things are in Alibaba Cloud's consoles. No address here is an API contract, so all of them are made here."""

from __future__ import annotations


def operation_center(*, region: str, workspace_id: int, environment: str) -> str:
    """Return the address of a workspace's Operation Center; deeper links are not documented."""
    return f"https://workbench2-{region}.data.aliyun.com/?defaultProjectId={workspace_id}&env={environment.lower()}#/"

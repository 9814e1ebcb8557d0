"""The world at the start of an emulator, and how its steps, deployments and calls behave: a JSON document.

A seed names only what it wants to differ from ``seeds/default.json``::

    {
      "workspaces": [{"id": 1, "identifier": "mine", "mode": "basic", "time_zone": "Europe/Berlin"}],
      "steps": [
        {"behaviour": "slow", "step": "Merge Columns-1", "seconds": 30},
        {"behaviour": "fail", "node": "nightly*", "step": "Write Table-1", "times": 2, "message": "no disk"},
        {"behaviour": "hang", "step": "sql"}
      ],
      "deployments": [
        {"behaviour": "fail", "file": "broken", "stage": "deploy", "message": "no quota"},
        {"behaviour": "check_fails", "file": "checked", "seconds": 3}
      ],
      "faults": [
        {"behaviour": "close", "operation": "RunSmokeTest", "done": true},
        {"behaviour": "http", "operation": "Get*", "status": 429, "code": "Throttling.User", "after": 2, "times": 3},
        {"behaviour": "http", "operation": "ListInstances", "status": 503, "retry_after": 250}
      ],
      "drafts": [{"id": "draft-mine", "workspace_id": 1, "name": "mine", "content": "three_steps", "ran": true}],
      "templates": [{"id": "template-mine", "name": "mine", "content": "thirteen_steps"}],
      "roles": [{"arn": "acs:ram::1000000000000001:role/nightly", "trusts": ["1000000000000001"]}],
      "quota": "enforced",
      "days_ago": 30,
      "timing": {"step_seconds": 0.2},
      "doubts": {"transient_failure": "yes"},
      "junk_error_fields": true
    }
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.emulator import canvas, doubts
from airflow_provider_pai_designer.emulator.store import Store

_ROLE = re.compile(r"acs:ram::[0-9]+:role/[A-Za-z0-9._-]+")
_HOUR = 60 * 60 * 1000
_SEEDS = Path(__file__).parent / "seeds"

CONTENTS = ("three_steps", "global_variable", "global_variable_bare", "thirteen_steps")
"""Names of the node contents that come with the emulator."""

FAULTS = (
    *("close", "reset", "hang", "later", "delay"),
    *("http", "html", "truncated", "garbage", "refuse", "contradict"),
)
"""How a call can fail, see :class:`Fault`."""


EDITIONS = ("basic", "standard", "professional", "enterprise")


class SeedError(ValueError):
    """A seed cannot be used; the message says what is wrong in it."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A DataWorks workspace.

    :param mode: ``basic`` (production only) or ``standard`` (development and production).
    :param edition: DataWorks edition of the account, one of :data:`EDITIONS`; that of its first workspace counts.
    :param pai_authorised: whether DataWorks may use PAI, without which no Designer node can be made.
    :param data_studio: ``legacy`` (OpenAPI 2020-05-18) or ``new`` (OpenAPI 2024-05-18).
    :param approval: of a new one: whether publishing to production waits for somebody's approval, which a
        deployment behaviour for the stage ``APPROVAL`` gives or denies.
    """

    id: int
    identifier: str
    name: str = ""
    mode: str = "standard"
    edition: str = "enterprise"
    region: str = "cn-shanghai"
    time_zone: str = "Asia/Shanghai"
    owner: str = "1000000000000001"
    pai_authorised: bool = True
    data_studio: str = "legacy"
    approval: bool = False
    business_flows: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def check(self) -> None:
        """Check values that a type cannot express."""
        if self.mode not in ("basic", "standard"):
            raise SeedError(f"The mode of a workspace is 'basic' or 'standard', not {self.mode!r}.")
        if self.edition not in EDITIONS:
            raise SeedError(f"The edition of a workspace is one of {', '.join(EDITIONS)}, not {self.edition!r}.")
        if self.data_studio not in ("legacy", "new"):
            raise SeedError(f"The data_studio of a workspace is 'legacy' or 'new', not {self.data_studio!r}.")
        ZoneInfo(self.time_zone)


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A key pair.

    :param workspaces: ids of the workspaces it has permission on; None for all.
    :param security_token: the token that must come with a temporary key.
    """

    id: str
    secret: str
    account: str = "1000000000000001"
    security_token: str | None = None
    workspaces: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role that STS lets some callers assume; who does acts for the account in the role's ARN.

    :param arn: such as ``acs:ram::1000000000000001:role/nightly``.
    :param trusts: accounts whose keys may assume it.
    :param oidc_provider: ARN of the identity provider whose tokens may assume it.
    :param oidc_token: the token of that provider that is accepted: any text.
    :param workspaces: ids of the workspaces it has permission on; None for all.
    :param session_seconds: how long a session lasts, whatever was asked for.
    """

    arn: str
    trusts: tuple[str, ...] = ()
    oidc_provider: str | None = None
    oidc_token: str | None = None
    workspaces: tuple[int, ...] | None = None
    session_seconds: int | None = None

    def check(self) -> None:
        """Check values that a type cannot express."""
        if not _ROLE.fullmatch(self.arn):
            raise SeedError(f"The ARN of a role is acs:ram::<account>:role/<name>, not {self.arn!r}.")


@dataclass(frozen=True, kw_only=True)
class ResourceGroup:
    """A resource group; type 1 is scheduling, 4 data integration, and 100, a number of our own, general purpose."""

    id: int
    identifier: str
    name: str = ""
    type: int = 1
    mode: str = "ISOLATE"
    is_default: bool = False


@dataclass(frozen=True, kw_only=True)
class DraftFolder:
    """A folder of pipelines of PAI Designer; ``parent`` is the id of another one, or ``root``."""

    id: str
    workspace_id: int
    name: str
    parent: str = "root"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A pipeline of PAI Designer.

    :param content: one of :data:`CONTENTS`, whose steps it draws.
    :param folder: id of a folder, or ``root``.
    :param variables: values of the pipeline's variables when it runs in PAI Designer.
    :param ran: whether all of it has run there, an hour ago.
    """

    id: str
    workspace_id: int
    name: str
    content: str
    description: str = ""
    folder: str = "root"
    variables: Mapping[str, str] = field(default_factory=dict)
    ran: bool = False

    def check(self) -> None:
        """Check values that a type cannot express."""
        _check_content(self.content)


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template of pipelines.

    :param type: ``preset`` or ``custom``.
    :param workspace_id: where a custom one can be seen; None for everywhere.
    :param content: one of :data:`CONTENTS`; ``variables`` as those of :class:`Draft`.
    """

    id: str
    name: str
    content: str
    type: str = "preset"
    workspace_id: int | None = None
    description: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Check values that a type cannot express."""
        if self.type not in ("preset", "custom"):
            raise SeedError(f"The type of a template is 'preset' or 'custom', not {self.type!r}.")
        _check_content(self.content)


def _check_content(name: str) -> None:
    if name not in CONTENTS:
        raise SeedError(f"A content is one of {', '.join(CONTENTS)}, not {name!r}.")


@dataclass(frozen=True, kw_only=True)
class StepBehaviour:
    """What matching steps do instead of ending well after ``step_seconds``.

    :param behaviour: ``slow``, ``fail`` or ``hang``.
    :param node: pattern for the node's name.
    :param step: pattern for the step's label, canvas name or component.
    :param environment: pattern for DEV or PROD.
    :param seconds: simulated duration; None for the usual one.
    :param times: how many executions behave so, over all instances; None for every one.
    :param message: what the engine prints.
    """

    behaviour: str
    node: str = "*"
    step: str = "*"
    environment: str = "*"
    seconds: float | None = None
    times: int | None = None
    message: str = "ODPS-0123131: User defined function exception - seeded failure"

    def check(self) -> None:
        """Check values that a type cannot express."""
        if self.behaviour not in ("slow", "fail", "hang"):
            raise SeedError(f"A step behaves 'slow', 'fail' or 'hang', not {self.behaviour!r}.")

    def matches(self, *, node: str, environment: str, labels: tuple[str, ...]) -> bool:
        """Tell whether this is meant for a step."""
        return (
            fnmatchcase(node, self.node)
            and fnmatchcase(environment, self.environment)
            and any(fnmatchcase(label, self.step) for label in labels)
        )


@dataclass(frozen=True, kw_only=True)
class DeploymentBehaviour:
    """What matching submits, deploys and stages of a publishing run do instead of succeeding.

    :param behaviour: ``slow``; ``fail``; ``check_passes`` or ``check_fails``: wait for a checker, then go on or not.
    :param file: pattern for the name of the file or node.
    :param stage: pattern for ``submit``, ``deploy``, or the code of a stage such as ``PROD``.
    :param seconds: how long a slow one takes, or how long the checker takes.
    """

    behaviour: str
    file: str = "*"
    stage: str = "*"
    seconds: float = 2.0
    times: int | None = None
    message: str = "seeded failure of the deployment"

    def check(self) -> None:
        """Check values that a type cannot express."""
        if self.behaviour not in ("slow", "fail", "check_passes", "check_fails"):
            raise SeedError(f"A deployment is 'slow', 'fail', 'check_passes' or 'check_fails', not {self.behaviour!r}.")

    def matches(self, *, file: str, stage: str) -> bool:
        """Tell whether this is meant for a deployment."""
        return fnmatchcase(file, self.file) and fnmatchcase(stage, self.stage)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What becomes of matching calls instead of an ordinary reply.

    ``close``, ``reset``, ``hang``: no reply. ``later``: closed at once, carried out when nobody waits any more.
    ``delay``: a good reply, late. ``http``: an HTTP error. ``html``: the page of a proxy with status 502.
    ``truncated``, ``garbage``: a reply that nobody can read. ``refuse``: Success false. ``contradict``: Success false
    beside the data of a call that was carried out.

    :param behaviour: one of these.
    :param operation: pattern for the operation's name.
    :param after: how many matching calls come through before the first that does not.
    :param times: how many calls meet the fault; None for every one.
    :param chance: how many of these do meet it, drawn for each call alone: 0.1 for one in ten.
    :param draw: with another number the lot falls on other calls.
    :param done: whether the operation is carried out all the same; ``delay``, ``truncated`` and ``contradict`` always.
    :param seconds: of ``delay`` in real time, of ``later`` in simulated time.
    :param status: HTTP status of ``http``.
    :param retry_after: milliseconds that ``http`` asks to wait before the next try, in ``x-acs-retry-after``.
    :param code: error code of ``http``, ``refuse`` and ``contradict``; ``message`` likewise.
    """

    behaviour: str
    operation: str = "*"
    after: int = 0
    times: int | None = 1
    chance: float = 1.0
    draw: int = 0
    done: bool = False
    seconds: float = 1.0
    status: int = 500
    retry_after: int | None = None
    code: str = "InternalError.System"
    message: str = "seeded fault"

    def check(self) -> None:
        """Check values that a type cannot express."""
        if self.behaviour not in FAULTS:
            raise SeedError(f"A fault is one of {', '.join(FAULTS)}, not {self.behaviour!r}.")
        if not 400 <= self.status <= 599:
            raise SeedError(f"The HTTP status of a fault is between 400 and 599, not {self.status}.")
        if not 0 < self.chance <= 1:
            raise SeedError(f"The chance of a fault is above 0 and at most 1, not {self.chance}.")

    @property
    def carried_out(self) -> bool:
        """Whether the operation is carried out before the reply goes astray."""
        return self.done or self.behaviour in ("delay", "truncated", "contradict")

    def matches(self, *, operation: str) -> bool:
        """Tell whether this is meant for an operation."""
        return fnmatchcase(operation, self.operation)

    def strikes(self, number: int) -> bool:
        """Tell whether the lot falls on a matching call; the same for the same number."""
        return Random(f"{self.draw}/{number}").random() < self.chance


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things take, in simulated seconds.

    :param stage_seconds: each stage of a publishing run of the new Data Studio.
    :param creation_seconds: what CreateWorkflowInstances has asked for.
    :param waiting_seconds: each of the states NOT_RUN, WAIT_TIME and WAIT_RESOURCE.
    """

    submit_seconds: float = 1.0
    deploy_seconds: float = 1.0
    stage_seconds: float = 1.0
    creation_seconds: float = 0.5
    waiting_seconds: float = 0.5
    step_seconds: float = 1.0
    stop_seconds: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A whole seed.

    :param timing: members of :class:`Timing` that are not to have their default.
    :param doubts: name to reading, see :mod:`airflow_provider_pai_designer.emulator.doubts`.
    :param quota: ``enforced`` to refuse calls beyond what the account's edition has; ``off``, the default, lets all in.
    :param days_ago: how many days the clock of a new state lies behind; later seeds do not move it.
    :param junk_error_fields: fill the error fields of successful replies, as the vendor's samples do.
    """

    workspaces: tuple[Workspace, ...] = ()
    access_keys: tuple[AccessKey, ...] = ()
    roles: tuple[Role, ...] = ()
    resource_groups: tuple[ResourceGroup, ...] = ()
    draft_folders: tuple[DraftFolder, ...] = ()
    drafts: tuple[Draft, ...] = ()
    templates: tuple[Template, ...] = ()
    steps: tuple[StepBehaviour, ...] = ()
    deployments: tuple[DeploymentBehaviour, ...] = ()
    faults: tuple[Fault, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    junk_error_fields: bool | None = None
    quota: str | None = None
    days_ago: float = 0

    def check(self) -> None:
        """Check values that a type cannot express."""
        if self.quota not in (None, "off", "enforced"):
            raise SeedError(f"The quota is 'off' or 'enforced', not {self.quota!r}.")


_ITEMS = {
    "workspaces": Workspace,
    "access_keys": AccessKey,
    "roles": Role,
    "resource_groups": ResourceGroup,
    "draft_folders": DraftFolder,
    "drafts": Draft,
    "templates": Template,
    "steps": StepBehaviour,
    "deployments": DeploymentBehaviour,
    "faults": Fault,
}


def content(name: str) -> str:
    """Return one of the node contents that come with the emulator, see :data:`CONTENTS`."""
    return (_SEEDS / "contents" / f"{name}.json").read_text(encoding="utf-8")


def starting_document(document: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the default seed with the members of ``document`` in place of its own."""
    default: dict[str, Any] = json.loads((_SEEDS / "default.json").read_text(encoding="utf-8"))
    given = document or {}
    seed = {**default, **given}
    workspaces = [item["id"] for item in seed["workspaces"] if "id" in item]
    for name in ("draft_folders", "drafts", "templates"):
        if name not in given:
            # what belongs to workspaces that the document has replaced went with them
            seed[name] = [item for item in default[name] if item.get("workspace_id") in (None, *workspaces)]
    return seed


def parse(document: Mapping[str, Any]) -> Seed:
    """Read a seed document.

    :raises SeedError: an unknown member, a missing one, or a value that makes no sense.
    """
    members: dict[str, Any] = dict(document)
    for name, item_type in _ITEMS.items():
        members[name] = tuple(_build(item_type, item) for item in members.get(name, ()))
    seed = _build(Seed, members)
    _build(Timing, seed.timing)
    try:
        doubts.check(seed.doubts)
    except ValueError as error:
        raise SeedError(str(error)) from None
    return seed


def apply(store: Store, seed: Seed, *, now: int) -> None:
    """Put a seed into the state: things with an id are replaced, behaviours come before those that are there."""
    for workspace in seed.workspaces:
        _add_workspace(store, workspace, now)
    for position, key in enumerate(seed.access_keys):
        _add_key(store, key, position)
    for role in seed.roles:
        store.upsert("roles", **{**asdict(role), **_as_text(trusts=role.trusts, workspaces=role.workspaces)})
    for group in seed.resource_groups:
        store.upsert("resource_groups", **asdict(group), created=now)
    _add_designer(store, seed, now)
    # the newest behaviour wins, and of one seed the first one
    for step in reversed(seed.steps):
        store.insert("behaviours", kind="step", rule=json.dumps(asdict(step)))
    for deployment in reversed(seed.deployments):
        store.insert("behaviours", kind="deployment", rule=json.dumps(asdict(deployment)))
    for fault in reversed(seed.faults):
        store.insert("behaviours", kind="fault", rule=json.dumps(asdict(fault)))
    for name, chosen in (("timing", seed.timing), ("doubts", seed.doubts)):
        store.set_setting(name, {**(store.setting(name) or {}), **chosen})
    for name, value in (("junk_error_fields", seed.junk_error_fields), ("quota", seed.quota)):
        if value is not None:
            store.set_setting(name, value)


def add_folder(store: Store, workspace_id: int, path: str) -> None:
    """Add a folder with all its ancestors."""
    parts = path.split("/")
    for length in range(1, len(parts) + 1):
        ancestor = "/".join(parts[:length])
        identity = uuid5(NAMESPACE_URL, f"{workspace_id}/{ancestor}").hex[:16]
        store.execute("INSERT OR IGNORE INTO folders VALUES (?, ?, ?)", identity, workspace_id, ancestor)


def add_business_flow(store: Store, workspace_id: int, name: str, owner: str) -> None:
    """Add a business flow, unless the workspace has one of this name."""
    if not store.value("SELECT 1 FROM business_flows WHERE workspace_id = ? AND name = ?", workspace_id, name):
        flow_id = store.next_id("business_flow")
        store.insert("business_flows", id=flow_id, workspace_id=workspace_id, name=name, owner=owner)


def _add_workspace(store: Store, workspace: Workspace, now: int) -> None:
    columns = {name: value for name, value in asdict(workspace).items() if name not in ("business_flows", "folders")}
    store.upsert("workspaces", **{**columns, "name": workspace.name or workspace.identifier}, created=now)
    for flow in workspace.business_flows:
        add_business_flow(store, workspace.id, flow, workspace.owner)
    for path in workspace.folders:
        add_folder(store, workspace.id, path)


def _add_designer(store: Store, seed: Seed, now: int) -> None:
    """Add what PAI Designer has; the account that owns a workspace has made it."""
    owners = {row["id"]: row["owner"] for row in store.rows("SELECT id, owner FROM workspaces")}
    shared = {"source": "PaiStudio", "accessibility": "PUBLIC", "created": now - 2 * _HOUR, "modified": now - 2 * _HOUR}
    items: tuple[DraftFolder | Template | Draft, ...] = (*seed.draft_folders, *seed.templates, *seed.drafts)
    if strange := {item.workspace_id for item in items} - {None, *owners}:
        raise SeedError(f"There is no workspace {strange.pop()} for what PAI Designer is to have.")
    for folder in seed.draft_folders:
        store.upsert("draft_folders", **asdict(folder), **shared, creator=owners[folder.workspace_id])
    for template in seed.templates:
        store.upsert("templates", **asdict(template) | _drawn(template), created=shared["created"])
    for draft in seed.drafts:
        columns = {name: value for name, value in asdict(draft).items() if name != "ran"}
        store.upsert("drafts", **columns | _drawn(draft), **shared, creator=owners[draft.workspace_id])
        if draft.ran:
            number = store.value("SELECT number FROM drafts WHERE id = ?", draft.id)
            store.schedule(now - _HOUR, "draft", number)


def _drawn(item: Draft | Template) -> dict[str, str]:
    manifest = NodeContent.parse(content(item.content)).flow["paiflowPipeline"]
    return {"content": canvas.of_manifest(manifest, name=item.name), "variables": json.dumps(item.variables)}


def _add_key(store: Store, key: AccessKey, position: int) -> None:
    store.upsert("access_keys", **{**asdict(key), **_as_text(workspaces=key.workspaces)}, position=position)


def _as_text(**lists: tuple[Any, ...] | None) -> dict[str, str | None]:
    return {name: None if value is None else json.dumps(value) for name, value in lists.items()}


_Item = TypeVar("_Item")


def _build(item_type: type[_Item], data: Mapping[str, Any]) -> _Item:
    known = {item.name for item in fields(item_type)}  # type: ignore[arg-type]
    if unknown := set(data) - known:
        raise SeedError(
            f"{item_type.__name__} has no member {sorted(unknown)[0]!r}; known: {', '.join(sorted(known))}."
        )
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    try:
        item = item_type(**values)
        getattr(item, "check", lambda: None)()
    except (TypeError, ValueError, KeyError) as error:
        raise SeedError(f"{item_type.__name__}: {error}") from None
    return item

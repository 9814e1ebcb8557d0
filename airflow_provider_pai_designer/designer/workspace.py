"""A DataWorks workspace and what happens to a node on its way into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_provider_pai_designer.exceptions import ConfigurationError


class Environment(StrEnum):
    """Where a node runs: development, or production."""

    DEV = "DEV"
    PROD = "PROD"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A DataWorks workspace.

    :param identifier: its name in the API; ``<identifier>_root`` is the output of its root node.
    :param environments: both, or PROD alone in basic mode.
    """

    id: int
    identifier: str
    environments: tuple[Environment, ...]

    @property
    def standard_mode(self) -> bool:
        """Whether a node is submitted to DEV first and deployed to PROD from there."""
        return Environment.DEV in self.environments

    @property
    def root_output(self) -> str:
        """The parent of a node that has no other."""
        return f"{self.identifier}_root"

    def check_environment(self, environment: str) -> Environment:
        """Return the environment of that name.

        :raises ConfigurationError: there is no such environment in this workspace.
        """
        known = [member.value for member in self.environments]
        if environment in known:
            return Environment(environment)
        hint = (
            f"The workspace {self.identifier!r} is in basic mode, it has no development environment: write "
            'environment="PROD" to run there.'
            if environment == Environment.DEV
            else f"Write one of {', '.join(known)}."
        )
        raise ConfigurationError(f"The workspace {self.identifier!r} has no environment {environment!r}. {hint}")


@dataclass(frozen=True, kw_only=True)
class ResourceGroup:
    """A resource group that nodes can run on.

    :param identifier: what a node names.
    """

    identifier: str
    name: str
    is_default: bool


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder in DataStudio."""

    id: str
    path: str


class DeploymentStatus(StrEnum):
    """What has become of a submit or a deploy."""

    PENDING = "pending"
    CHECKING = "checking"
    SUCCESS = "success"
    FAILED = "failed"
    CHECK_FAILED = "check_failed"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One submit or deploy, as DataWorks reports it.

    :param message: the service's own words; set when it failed.
    """

    id: int
    status: DeploymentStatus
    message: str = ""


def read_deployment(*, deployment_id: int, status: object, checking: object, message: object) -> Deployment:
    """Read the numbers of GetDeployment: status 0 under way, 1 done, 2 failed; checking 7 failed, 8 under way.

    An unknown status is under way; a deployment is done only where nothing is left to be checked.
    """
    if str(status) in {"2", "6"}:
        state = DeploymentStatus.FAILED
    elif str(checking) == "7":
        state = DeploymentStatus.CHECK_FAILED
    elif str(checking) == "8":
        state = DeploymentStatus.CHECKING
    elif str(status) == "1":
        state = DeploymentStatus.SUCCESS
    else:
        state = DeploymentStatus.PENDING
    return Deployment(id=deployment_id, status=state, message=str(message or ""))

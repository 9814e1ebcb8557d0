"""The typed errors of the provider.

Every error says in one sentence what is wrong and what to do about it. Nothing here imports Airflow, so that the
pure packages can raise these errors too.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_BREAK = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
_GROUP = re.compile(r"::(?=(?:end)?group::)")


def one_line(text: str) -> str:
    """Make what others wrote fit for a line of a task log: it can neither style, break nor fold what stands around it.

    Airflow opens and closes a group wherever ``::group::`` or ``::endgroup::`` stands in a line, after it has taken the
    control sequences out.
    """
    return _GROUP.sub(": :", _BREAK.sub(" ", _CONTROL.sub("", text)))


class PaiDesignerError(Exception):
    """Base of every error that this provider raises on purpose; what it quotes of others cannot forge a log."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message))


class ConfigurationError(PaiDesignerError):
    """A connection field or an operator argument is missing or cannot be used; nothing was sent."""


class ContentError(PaiDesignerError):
    """The content of a node, or the pipeline manifest in it, cannot be used."""


class PipelineError(PaiDesignerError):
    """A pipeline or template cannot be told from its name, or a pipeline is not yet fit to be loaded."""


class PipelineChangedError(PaiDesignerError):
    """A pipeline is no longer as the copy that a node has of it, and the task was told to fail then."""


class DrawingChangedError(PipelineError):
    """Somebody has changed what is drawn of a pipeline since its version was read; nothing was saved."""


class NodeDefinitionError(PaiDesignerError):
    """A property of the wanted node (name, folder, schedule, parameters) is not valid."""


class SchedulingParameterError(PaiDesignerError):
    """A scheduling parameter or its expression is not valid.

    :param message: what is wrong, and the valid form nearest to what was meant.
    :param expression: the text that was read.
    :param position: index into ``expression`` of the first character that does not fit.
    """

    def __init__(self, message: str, *, expression: str, position: int) -> None:
        super().__init__(message)
        self.expression = expression
        self.position = position


class DeploymentError(PaiDesignerError):
    """DataWorks did not accept a submitted or deployed node.

    :param deployment_id: the deployment to look at in DataWorks; in the new Data Studio the id of a pipeline run.
    """

    def __init__(self, message: str, *, deployment_id: int | str) -> None:
        super().__init__(message)
        self.deployment_id = deployment_id


class RunFailedError(PaiDesignerError):
    """A run ended, and not with success."""


class RunTimeoutError(PaiDesignerError):
    """A run was still going at its deadline; it was asked to stop."""


class RunStoppedError(PaiDesignerError):
    """The task was killed while it waited."""


class RunNotStoppedError(PaiDesignerError):
    """A run, or an instance of it, could not be asked to stop; it may still be going."""


class RunOutOfSightError(PaiDesignerError):
    """A run could not be looked at for a long time; it was left alone, and may have ended by now."""


class ServiceError(PaiDesignerError):
    """A call to Alibaba Cloud did not succeed.

    :param operation: the API operation, such as ``CreateFile``.
    :param code: the service's error code, or the kind of transport failure.
    :param request_id: what Alibaba Cloud's support asks for; empty where no reply came.
    :param http_status: status of the reply, None where no reply came.
    :param recommendation: link to the vendor's diagnosis page, where the reply had one.
    :param retry_after_seconds: how long the service asks to wait, where it said so.
    """

    retryable = False
    """Whether the same read may be made again."""

    acted = False
    """Whether a write may have been carried out although it was not confirmed."""

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        code: str = "",
        request_id: str = "",
        http_status: int | None = None,
        recommendation: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.http_status = http_status
        self.recommendation = recommendation
        self.retry_after_seconds = retry_after_seconds


class AuthenticationError(ServiceError):
    """The service does not know the key, or does not accept its signature."""


class PermissionDeniedError(ServiceError):
    """The key is known, and not allowed to do this."""


class NotFoundError(ServiceError):
    """The workspace, folder, node, run or instance does not exist, or not for this key."""


class RejectedError(ServiceError):
    """The service understood the call and refused it."""


class ThrottledError(ServiceError):
    """Too many calls for the moment; the call was not carried out and may be made again later."""

    retryable = True


class QuotaExhaustedError(ServiceError):
    """The edition's calls are used up; trying again before the quota is renewed is of no use."""


class NotSentError(ServiceError):
    """The call never reached the service (refused, name not resolved, TLS); it may be made again."""

    retryable = True


class UnclearError(ServiceError):
    """No usable reply came: the service may or may not have carried out the call."""

    retryable = True
    acted = True

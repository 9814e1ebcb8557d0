"""How a request is refused: by the gateway with an HTTP error, or by the service inside a reply with status 200.

Codes of the gateway and of DataWorks are the vendor's. Where the vendor documents that something is refused but not
with which code, the code begins with ``Undocumented.``: nobody should write a client that relies on it.
Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-errorcodes
"""

from __future__ import annotations


class GatewayError(Exception):
    """The request ends with an HTTP error.

    :param status: HTTP status.
    :param code: the vendor's error code.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class BusinessError(Exception):
    """The service refuses: ``Success`` is false in a reply with status 200 (doubt ``business_errors``)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def missing(parameter: str) -> GatewayError:
    """A required parameter is absent."""
    return GatewayError(400, f"Missing{parameter}", f"{parameter} is mandatory for this action.")


def invalid(parameter: str, reason: str) -> GatewayError:
    """A parameter has a value that the request schema does not allow."""
    return GatewayError(400, "Invalid.Param", f"The parameter {parameter} is invalid: {reason}.")


def action_not_found() -> GatewayError:
    """There is no such operation, or it is not called there."""
    return GatewayError(404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")


def not_authorised() -> GatewayError:
    """The key has no permission on the workspace."""
    return GatewayError(
        403, "ResourceNotAuthorized.Api", "You are not authorized to call this API or to use this resource."
    )


def workspace_not_found() -> BusinessError:
    """No workspace with this id or identifier."""
    return BusinessError("Invalid.Tenant.ProjectNotExists", "The project does not exist.")


def not_found(what: str, identity: object) -> BusinessError:
    """An object of the workspace does not exist; of the vendor's code only the family ``...NotExists`` is known.

    :param what: kind of the object in one word, such as ``Folder``.
    """
    return BusinessError(f"Undocumented.{what}NotExists", f"The {what.lower()} does not exist: {identity}.")

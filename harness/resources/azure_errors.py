"""Conversion of the Azure SDKs' errors to errors of the harness, with one line each."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from azure.common import AzureException
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from harness.clouds import NoAnswerError
from harness.errors import (
    CloudError,
    HarnessError,
    JobError,
    ProvisioningError,
    ServiceRetiredError,
    SignInError,
    UnreachableError,
)

_REMEDIES = {
    "SubscriptionNotFound": "check the setting subscription_id",
    "InvalidSubscriptionId": "check the setting subscription_id",
    "AuthorizationFailed": "give the service principal the role Contributor on the subscription",
}

NO_PROVIDER = frozenset(
    {"InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound", "MissingSubscriptionRegistration"}
)
"""The codes of Resource Manager for a service that a subscription does not have, or that no longer exists."""

_STORAGE_MESSAGE = re.compile(r"<Message>([^<\n]+)")  # the sentence in a storage service's XML


@dataclass(frozen=True, slots=True)
class KnownErrors:
    """The meanings of the error codes of a service.

    Attributes:
        retired: the codes that Microsoft's cloud has returned since the end of the service.
        retirement_message: explains the end of the service, and what to use instead.
        remedies: advice for other codes.
    """

    retired: frozenset[str] = frozenset()
    retirement_message: str = ""
    remedies: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def azure_errors(
    action: str,
    cloud: str,
    *,
    otherwise: type[CloudError] = ProvisioningError,
    known_errors: KnownErrors = KnownErrors(),
) -> Iterator[None]:
    """Convert errors of the SDKs to errors of the harness.

    Args:
        action: the request, for the message: ``create cluster mycluster``.
        cloud: the name of the cloud.
        otherwise: the class of errors that concern neither sign-in nor retirement.
        known_errors: the codes of the service.
    """
    try:
        yield
    except ClientAuthenticationError as error:
        if _is_unanswered(error):
            raise _unreachable(action, error, otherwise) from None
        raise SignInError(
            f"cannot {action}: sign-in was refused ({_line(error)}); "
            "check the settings tenant_id, client_id, client_secret"
        ) from None
    except HttpResponseError as error:
        code = (error.error.code if error.error is not None else None) or ""
        if cloud == "azure" and code in known_errors.retired:
            raise ServiceRetiredError(f"cannot {action}: {known_errors.retirement_message.format(code=code)}") from None
        remedy = known_errors.remedies.get(code) or _REMEDIES.get(code)
        raise otherwise(f"cannot {action}: {_line(error)}{f'; {remedy}' if remedy else ''}") from None
    except (AzureError, AzureException) as error:
        # The storage SDK wraps every error of its session, including those of a replay.
        if isinstance(error.__context__, HarnessError):
            raise error.__context__ from None
        if _is_unanswered(error):
            raise _unreachable(action, error, otherwise) from None
        raise otherwise(f"cannot {action}: {_line(error)}") from None


def _is_unanswered(error: BaseException) -> bool:
    """Whether the cause of an SDK's error is a missing response; azure-identity reports it as a failed sign-in."""
    causes = (error.__context__, getattr(error, "inner_exception", None))
    return isinstance(error, NoAnswerError) or any(
        _is_unanswered(cause) for cause in causes if isinstance(cause, BaseException)
    )


def _unreachable(action: str, error: Exception, otherwise: type[CloudError]) -> CloudError:
    kind = UnreachableError if otherwise is JobError else otherwise
    return kind(f"cannot {action}: {_line(error)}")


def _line(error: Exception) -> str:
    message = str(getattr(error, "message", None) or error).strip()
    line = message.splitlines()[0] if message else type(error).__name__
    explanation = _STORAGE_MESSAGE.search(message)
    return f"{line}: {explanation[1]}" if explanation else line

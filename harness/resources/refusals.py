"""Azure's refusals in the harness's words: one clear line each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from azure.common import AzureException
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from harness.errors import CloudError, HarnessError, ProvisioningError, ServiceRetiredError, SignInError

# What Resource Manager answers where Batch AI was; the last also where it was merely never registered, but the harness
# registers before it asks for anything else.
_RETIRED = frozenset(
    {"InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound", "MissingSubscriptionRegistration"}
)

_MENDS = {
    "MissingSubscriptionRegistration": (
        "register it: az provider register --namespace Microsoft.BatchAI (and Microsoft.Batch)"
    ),
    "SubscriptionNotFound": "check the setting subscription_id",
    "InvalidSubscriptionId": "check the setting subscription_id",
    "AuthorizationFailed": "give the service principal the role Contributor on the subscription",
}

_STORAGE_MESSAGE = re.compile(r"<Message>([^<\n]+)")  # the sentence in a storage service's XML


@contextmanager
def refusals(what: str, cloud: str, *, otherwise: type[CloudError] = ProvisioningError) -> Iterator[None]:
    """Turn what the SDKs raise into one of ours.

    Args:
        what: what was asked, for the message: ``create cluster mycluster``.
        cloud: the name of the cloud that was asked.
        otherwise: raised for a refusal that is neither about sign-in nor retirement.
    """
    try:
        yield
    except ClientAuthenticationError as error:
        raise SignInError(
            f"cannot {what}: sign-in was refused ({_line(error)}); "
            "check the settings tenant_id, client_id, client_secret"
        ) from None
    except HttpResponseError as error:
        code = error.error.code if error.error is not None else None
        if cloud == "azure" and code in _RETIRED:
            raise ServiceRetiredError(
                f"cannot {what}: Batch AI no longer answers here ({code}); Microsoft announced its end on 14 December "
                "2018 and stopped it on 31 March 2019. What works instead: --cloud emulator (the same API on this "
                "machine), --cloud replay (recorded answers), or Azure Machine Learning, its successor"
            ) from None
        mend = _MENDS.get(code or "")
        raise otherwise(f"cannot {what}: {_line(error)}{f'; {mend}' if mend else ''}") from None
    except (AzureError, AzureException) as error:
        # The storage SDK wraps whatever its session raises, what the recording says too.
        if isinstance(error.__context__, HarnessError):
            raise error.__context__ from None
        raise otherwise(f"cannot {what}: {_line(error)}") from None


def _line(error: Exception) -> str:
    message = str(getattr(error, "message", None) or error).strip()
    line = message.splitlines()[0] if message else type(error).__name__
    explained = _STORAGE_MESSAGE.search(message)
    return f"{line}: {explained[1]}" if explained else line

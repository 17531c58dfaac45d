"""The meanings of the error codes of Azure Machine Learning."""

import re

from harness.resources.azure_errors import KnownErrors

KNOWN_ERRORS = KnownErrors(
    remedies={
        "MissingSubscriptionRegistration": (
            "register it: az provider register --namespace Microsoft.MachineLearningServices"
        ),
        "QuotaExceeded": "ask for more quota in the studio, under Quota, or name another vm_size or location",
    }
)

_KEYS = re.compile(r"\b(?:(?:shared|account|access)[ -]keys?|key[ -](?:based|access)|keys of storage)\b", re.IGNORECASE)


def forbids_account_keys(refusal: str) -> bool:
    """Whether a refusal, in the service's words, is about account keys.

    The text of a policy is its author's, and may be about anything else, such as a region or a missing tag.
    """
    if "KeyBasedAuthenticationNotPermitted" in refusal:
        return True
    return "RequestDisallowedByPolicy" in refusal and _KEYS.search(refusal) is not None

"""The meanings of the error codes of Azure Machine Learning."""

import re

from harness.resources.azure_errors import KnownErrors

KNOWN_ERRORS = KnownErrors(
    remedies={
        "MissingSubscriptionRegistration": (
            "register it: az provider register --namespace Microsoft.MachineLearningServices"
        ),
        "QuotaExceeded": "request more quota in the studio, under Quota, or name another vm_size or location",
    }
)

_KEYS = re.compile(r"\b(?:(?:shared|account|access)[ -]keys?|key[ -](?:based|access)|keys of storage)\b", re.IGNORECASE)


def forbids_account_keys(refusal: str) -> bool:
    """Whether the text of a refusal is about account keys.

    A policy's text comes from its author, and may be about anything else, such as a region or a missing tag.
    """
    if "KeyBasedAuthenticationNotPermitted" in refusal:
        return True
    return "RequestDisallowedByPolicy" in refusal and _KEYS.search(refusal) is not None

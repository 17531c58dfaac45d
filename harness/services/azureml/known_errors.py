"""What the error codes of Azure Machine Learning mean."""

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

    A policy says in a text of its author what it is about, and may be about anything else: a region, or a tag that is
    missing.
    """
    if "KeyBasedAuthenticationNotPermitted" in refusal:
        return True
    return "RequestDisallowedByPolicy" in refusal and _KEYS.search(refusal) is not None

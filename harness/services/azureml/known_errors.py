"""What the error codes of Azure Machine Learning mean."""

from harness.resources.azure_errors import KnownErrors

KNOWN_ERRORS = KnownErrors(
    remedies={
        "MissingSubscriptionRegistration": (
            "register it: az provider register --namespace Microsoft.MachineLearningServices"
        ),
        "QuotaExceeded": "ask for more quota in the studio, under Quota, or name another vm_size or location",
    }
)

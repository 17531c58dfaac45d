"""Recognition of refusals by their text."""

import pytest

from harness.services.azureml.known_errors import forbids_account_keys

POLICY = "(RequestDisallowedByPolicy) Resource 'data' was disallowed by policy. Reasons: '{}'."


@pytest.mark.parametrize(
    "refusal",
    [
        "Key based authentication is not permitted on this storage account. (KeyBasedAuthenticationNotPermitted)",
        POLICY.format("Datastores must not use keys of storage accounts."),
        POLICY.format("Storage accounts should prevent shared key access"),
        POLICY.format("Use identities, no account keys"),
    ],
)
def test_a_refusal_of_account_keys_is_known(refusal: str) -> None:
    assert forbids_account_keys(refusal)


@pytest.mark.parametrize(
    "refusal",
    [
        POLICY.format("Allowed locations"),
        POLICY.format("Every resource needs a tag CostCenter"),
        POLICY.format("Only approved key vaults may be used"),
        "(AuthorizationFailed) The client has no right to list the account keys.",
    ],
)
def test_another_refusal_is_not_taken_for_one(refusal: str) -> None:
    assert not forbids_account_keys(refusal)

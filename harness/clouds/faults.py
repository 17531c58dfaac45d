"""Requests to the emulator that start and stop fault plans."""

from contextlib import suppress

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from harness.errors import ProvisioningError
from harness.fault_plans import ADDRESS, FaultPlan

_PLANS = f"https://management.azure.com{ADDRESS}"
_SCOPE = "https://management.azure.com/.default"


def put(plan: FaultPlan, session: requests.Session, credential: TokenCredential) -> None:
    """Start a fault plan.

    Raises:
        ProvisioningError: the emulator refuses the plan.
    """
    try:
        response = session.put(_address(plan), json=plan.wire(), headers=_headers(credential))
    except (requests.RequestException, AzureError) as error:
        raise ProvisioningError(f"cannot inject faults: {error}") from None
    if not response.ok:
        raise ProvisioningError(f"cannot inject faults: {response.status_code} {response.text.strip()}")


def delete(plan: FaultPlan, session: requests.Session, credential: TokenCredential) -> None:
    """Stop a fault plan; an emulator that does not respond injects no faults."""
    with suppress(requests.RequestException, AzureError):
        session.delete(_address(plan), headers=_headers(credential))


def _address(plan: FaultPlan) -> str:
    return f"{_PLANS}/{plan.name}"


def _headers(credential: TokenCredential) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential.get_token(_SCOPE).token}"}

"""Fault plans, ordered from the emulator."""

from contextlib import suppress

import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from harness.errors import ProvisioningError
from harness.fault_plans import ADDRESS, FaultPlan

_PLANS = f"https://management.azure.com{ADDRESS}"
_SCOPE = "https://management.azure.com/.default"


def put(plan: FaultPlan, session: requests.Session, credential: TokenCredential) -> None:
    """Order faults.

    Raises:
        ProvisioningError: the emulator does not take the plan.
    """
    try:
        answer = session.put(_address(plan), json=plan.wire(), headers=_headers(credential))
    except (requests.RequestException, AzureError) as error:
        raise ProvisioningError(f"cannot inject faults: {error}") from None
    if not answer.ok:
        raise ProvisioningError(f"cannot inject faults: {answer.status_code} {answer.text.strip()}")


def delete(plan: FaultPlan, session: requests.Session, credential: TokenCredential) -> None:
    """Order no more; where nobody answers, nobody is struck."""
    with suppress(requests.RequestException, AzureError):
        session.delete(_address(plan), headers=_headers(credential))


def _address(plan: FaultPlan) -> str:
    return f"{_PLANS}/{plan.name}"


def _headers(credential: TokenCredential) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential.get_token(_SCOPE).token}"}

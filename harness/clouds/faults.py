"""What clouds do to those who use them, ordered from the emulator: which faults, how often, to whom."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from azure.core.credentials import TokenCredential

from harness.errors import ProvisioningError

_PLANS = "https://management.azure.com/providers/Harness.Emulator/faults"
_SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults for one scenario.

    Attributes:
        name: of the plan; setting one of the same name replaces it.
        seed: the same one and the same requests meet the same faults.
        faults: by name, how often: a rate from 0 to 1, or a mapping of ``rate``, ``times`` and ``seconds``.
        group: the resource group whose requests, nodes and jobs are struck.
        share: the file share that is.
    """

    name: str
    seed: int
    faults: Mapping[str, Any]
    group: str
    share: str

    def document(self) -> dict[str, Any]:
        """As the emulator reads it."""
        return {"seed": self.seed, "faults": dict(self.faults), "scope": {"group": self.group, "share": self.share}}


def put(plan: FaultPlan, session: requests.Session, credential: TokenCredential) -> None:
    """Order faults.

    Raises:
        ProvisioningError: the emulator does not take the plan.
    """
    try:
        answer = session.put(_address(plan), json=plan.document(), headers=_headers(credential))
    except requests.RequestException as error:
        raise ProvisioningError(f"cannot inject faults: {error}") from None
    if not answer.ok:
        raise ProvisioningError(f"cannot inject faults: {answer.status_code} {answer.text.strip()}")


def delete(plan: FaultPlan, session: requests.Session, credential: TokenCredential) -> None:
    """Order no more; where nobody answers, nobody is struck."""
    with suppress(requests.RequestException):
        session.delete(_address(plan), headers=_headers(credential))


def _address(plan: FaultPlan) -> str:
    return f"{_PLANS}/{plan.name}"


def _headers(credential: TokenCredential) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential.get_token(_SCOPE).token}"}

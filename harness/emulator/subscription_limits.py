"""Deliberate limits of a subscription: quota, VM sizes of a region, the use of account keys, the rate of requests.

Limits are stored under names, as fault plans are, so that several tests can set limits on one emulator, each for its
own regions and resource groups. The limits of the command line are named ``start``, and the next start replaces them.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from harness.emulator.store import Store
from harness.errors import EmulatorError
from harness.suggestions import suggestion
from harness.vm_sizes import vm_size, vm_size_names

START = "start"  # the name of the limits of the command line
TOTAL = "TotalDedicatedCores"  # the quota of all families together
KeyRefusal = Literal["RequestDisallowedByPolicy", "KeyBasedAuthenticationNotPermitted"]
KEY_REFUSALS: tuple[KeyRefusal, ...] = get_args(KeyRefusal)
Cores = Annotated[int, Meta(ge=0, le=1_000_000)]
RequestKind = Literal["reads", "writes"]


class RequestLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How many requests are accepted at once, and how many more in each following second."""

    size: Annotated[int, Meta(ge=1, le=1_000_000)]
    per_second: Annotated[float, Meta(gt=0, le=1_000_000)]


class SubscriptionLimit(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"):
    """The limits of one name.

    ``quotas`` are dedicated cores by family (``NCASv3_T4``, ``Standard NCASv3_T4 Family``, ``TotalDedicatedCores``).
    They and ``missing_sizes`` apply to ``location``, or to every region if that is empty. ``refused_keys`` is the error
    code with which datastores that have an account key or a SAS are refused, in the resource group ``group``, or in all
    groups if that is empty. ``requests`` limits how many requests Azure Machine Learning accepts there before it
    answers 429.
    """

    location: str = ""
    group: str = ""
    quotas: dict[str, Cores] = {}
    missing_sizes: tuple[str, ...] = ()
    refused_keys: KeyRefusal | None = None
    requests: dict[RequestKind, RequestLimit] = {}


class SubscriptionLimits:
    """The limits in force. They are cached in memory, because every request checks them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_force: list[tuple[str, SubscriptionLimit]] | None = None  # None: read from the store again
        store.when_rolled_back(self._forget)

    def put(self, name: str, limit: SubscriptionLimit) -> None:
        """Put limits in force; they replace earlier ones of the same name.

        Raises:
            EmulatorError: a VM family or size does not exist.
        """
        self._store.put(name, checked(limit))
        self._forget()

    def get(self, name: str) -> SubscriptionLimit | None:
        """The limits of a name; None if there are none."""
        return self._store.get(SubscriptionLimit, name)

    def names(self) -> list[str]:
        """The names of the limits in force."""
        return [name for name, _ in self._all()]

    def delete(self, name: str) -> bool:
        """Delete limits; False if there were none of that name."""
        is_ended = self._store.delete(SubscriptionLimit, name)
        self._forget()
        return is_ended

    def quota(self, location: str, family: str) -> int | None:
        """The quota of dedicated cores of a family in a region, or of all families for ``TOTAL``; None if unlimited."""
        quotas = [limit.quotas[family] for limit in self._in(location) if family in limit.quotas]
        return min(quotas, default=None)

    def offers(self, location: str, size: str) -> bool:
        """Whether a region offers a VM size."""
        return not any(size.lower() == name.lower() for limit in self._in(location) for name in limit.missing_sizes)

    def key_refusal(self, group: str) -> KeyRefusal | None:
        """The error code with which account keys are refused in a resource group; None if they may be used."""
        for _, limit in self._all():
            if limit.refused_keys and limit.group.lower() in ("", group.lower()):
                return limit.refused_keys
        return None

    def requests(self, group: str, kind: RequestKind) -> RequestLimit | None:
        """The limit on requests of a kind in a resource group; None if there is none."""
        for _, limit in self._all():
            if kind in limit.requests and limit.group.lower() in ("", group.lower()):
                return limit.requests[kind]
        return None

    def _all(self) -> list[tuple[str, SubscriptionLimit]]:
        if self._in_force is None:
            self._in_force = self._store.list(SubscriptionLimit)
        return self._in_force

    def _forget(self) -> None:
        self._in_force = None

    def _in(self, location: str) -> Iterable[SubscriptionLimit]:
        limits = (limit for _, limit in self._all())
        return (limit for limit in limits if limit.location in ("", location))


def checked(limit: SubscriptionLimit) -> SubscriptionLimit:
    """The limits with normalized families and region.

    Raises:
        EmulatorError: a VM family or size does not exist.
    """
    for size in limit.missing_sizes:
        if vm_size(size) is None:
            raise EmulatorError(f"there is no size {size[:60]!r}; {suggestion(size, vm_size_names())}")
    quotas = {family_word(family): cores for family, cores in limit.quotas.items()}
    return replace(limit, quotas=quotas, location=limit.location.replace(" ", "").lower())


def family_word(text: str) -> str:
    """The family as VM sizes name it: ``NCASv3_T4`` for ``Standard NCASv3_T4 Family`` and ``standardNCASv3_T4Family``.

    Raises:
        EmulatorError: the family does not exist.
    """
    if text.lower() == TOTAL.lower():
        return TOTAL
    families = sorted({size.family for name in vm_size_names() if (size := vm_size(name))})
    word = text.lower().replace(" ", "").removeprefix("standard").removesuffix("family")
    match = next((family for family in families if family.lower() == word), None)
    if match is None:
        raise EmulatorError(f"there is no quota of the family {text[:60]!r}; {suggestion(word, (*families, TOTAL))}")
    return match

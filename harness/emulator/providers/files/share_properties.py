"""Properties of shares besides name, metadata and stamps: as headers and, by other names, in listings; pure.

Source: Microsoft's "Get Share Properties" and "List Shares", and what a premium account answered to the SDK's own
tests: a share of 100 GiB has 3100 IOPS and 110 MiB/s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from harness.emulator.storage_service import leases
from harness.emulator.storage_service.model import DEFAULT_QUOTA, Share, StorageAccount
from harness.emulator.wire import http_date

PREMIUM_QUOTA = 100  # GiB; the least that a premium share has, and what it gets where none is asked for
_PREMIUM_IOPS = 100_000  # the most
_SECOND_MODEL = "2025-01-05"  # the version since which shares can be provisioned by the second model
_BURST_IOPS = (5000, 50_000)  # the least and the most

# Settings that are kept and given back, by their names in headers (after ``x-ms-``) and in listings.
SETTINGS = {
    "enabled-protocols": "EnabledProtocols",
    "root-squash": "RootSquash",
    "enable-snapshot-virtual-directory-access": "EnableSnapshotVirtualDirectoryAccess",
    "share-paid-bursting-enabled": "PaidBurstingEnabled",
    "share-paid-bursting-max-iops": "PaidBurstingMaxIops",
    "share-paid-bursting-max-bandwidth-mibps": "PaidBurstingMaxBandwidthMibps",
    "share-provisioned-iops": "ProvisionedIops",
    "share-provisioned-bandwidth-mibps": "ProvisionedBandwidthMiBps",
    "enable-smb-directory-lease": "EnableSmbDirectoryLease",
}
_NAMES = SETTINGS | {
    "lease-status": "LeaseStatus",
    "lease-state": "LeaseState",
    "lease-duration": "LeaseDuration",
    "share-quota": "Quota",
    "access-tier": "AccessTier",
    "access-tier-change-time": "AccessTierChangeTime",
    "share-provisioned-ingress-mbps": "ProvisionedIngressMBps",
    "share-provisioned-egress-mbps": "ProvisionedEgressMBps",
    "share-next-allowed-quota-downgrade-time": "NextAllowedQuotaDowngradeTime",
    "share-included-burst-iops": "IncludedBurstIops",
    "share-max-burst-credits-for-iops": "MaxBurstCreditsForIops",
    "share-next-allowed-provisioned-iops-downgrade-time": "NextAllowedProvisionedIopsDowngradeTime",
    "share-next-allowed-provisioned-bandwidth-downgrade-time": "NextAllowedProvisionedBandwidthDowngradeTime",
    "default-encryption-scope": "DefaultEncryptionScope",
    "deny-encryption-scope-override": "DenyEncryptionScopeOverride",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """The circumstances of a response about a share: the kind of account, the version, and the time."""

    premium: bool
    version: str
    now: datetime


def is_premium(account: StorageAccount | None) -> bool:
    """Whether the shares of an account are provisioned ones on SSDs."""
    return account is not None and account.sku.startswith("Premium")


def is_nfs(share: Share) -> bool:
    """Whether a share is one of NFS: with owners, modes and links in place of Windows' attributes."""
    return share.settings.get("enabled-protocols", "").upper() == "NFS"


def default_quota(*, premium: bool) -> int:
    """GiB of a share whose creation names no quota."""
    return PREMIUM_QUOTA if premium else DEFAULT_QUOTA


def headers(share: Share, viewer: Viewer) -> list[tuple[str, str]]:
    """Headers of Get Share Properties."""
    protection = [("x-ms-has-immutability-policy", "false"), ("x-ms-has-legal-hold", "false")]  # always, as recorded
    return [*((f"x-ms-{name}", value) for name, value in _properties(share, viewer)), *protection]


def elements(share: Share, viewer: Viewer) -> list[tuple[str, str]]:
    """Elements of List Shares."""
    scope = {"default-encryption-scope": "$account-encryption-key", "deny-encryption-scope-override": "false"}
    shown = [*_properties(share, viewer), *(scope.items() if viewer.version >= "2019-07-07" else ())]
    return [(_NAMES[name], value) for name, value in shown]


def _properties(share: Share, viewer: Viewer) -> Iterator[tuple[str, str]]:
    """Names and values, in the recorded order."""
    version = viewer.version
    if version >= "2020-02-10":
        yield from leases.describe(share.lease, viewer.now)
    yield "share-quota", str(share.quota)
    settings = dict(share.settings) if version >= "2020-02-10" else {}
    if version >= "2020-02-10" or (viewer.premium and version >= "2019-07-07"):
        protocols = settings.pop("enabled-protocols", "SMB")
        yield "enabled-protocols", protocols
        if protocols.upper() == "NFS":
            yield "root-squash", settings.pop("root-squash", "NoRootSquash")
    if version >= "2019-12-12":
        yield "access-tier", share.tier
        if share.tier_changed:
            yield "access-tier-change-time", http_date(share.tier_changed)
    if viewer.premium:
        yield from _provisioned(share, settings)
    elif version >= _SECOND_MODEL and (iops := settings.get("share-provisioned-iops", "")).isdecimal():
        yield from _bursts(share, int(iops))
    yield from settings.items()


def _provisioned(share: Share, settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The provisioned properties of a premium share, from its quota or from settings, which are removed."""
    bandwidth = settings.pop("share-provisioned-bandwidth-mibps", "") or str(
        100 + ceil(0.04 * share.quota) + ceil(0.06 * share.quota)
    )
    iops = settings.pop("share-provisioned-iops", "") or str(min(3000 + share.quota, _PREMIUM_IOPS))
    yield "share-provisioned-iops", iops
    yield "share-provisioned-bandwidth-mibps", bandwidth
    yield "share-provisioned-ingress-mbps", bandwidth
    yield "share-provisioned-egress-mbps", bandwidth
    yield "share-next-allowed-quota-downgrade-time", http_date(share.downgradable or share.changed)


def _bursts(share: Share, iops: int) -> Iterator[tuple[str, str]]:
    """What comes with the IOPS of a share that is provisioned by the second model; they may go down a day later.

    Source: Microsoft's "Understand Azure Files billing", on the provisioned v2 model.
    """
    least, most = _BURST_IOPS
    burst = max(iops, min(max(3 * iops, least), most))
    allowed = http_date(share.changed + timedelta(days=1))
    yield "share-included-burst-iops", str(burst)
    yield "share-max-burst-credits-for-iops", str((burst - iops) * 3600)
    yield "share-next-allowed-provisioned-iops-downgrade-time", allowed
    yield "share-next-allowed-provisioned-bandwidth-downgrade-time", allowed

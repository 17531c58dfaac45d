"""Properties of shares besides name, metadata and timestamps: as headers and, by other names, in listings; pure.

Source: Microsoft's "Get Share Properties" and "List Shares", and recordings of the SDK's own
tests with a premium account: a share of 100 GiB has 3100 IOPS and 110 MiB/s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from harness.emulator.storage_service import leases
from harness.emulator.storage_service.model import DEFAULT_QUOTA, Share, StorageAccount
from harness.emulator.wire import http_date

PREMIUM_QUOTA = 100  # GiB; minimum and default of a premium share
_PREMIUM_IOPS = 100_000  # maximum
_SECOND_MODEL = "2025-01-05"  # the first version with the provisioned v2 model
_BURST_IOPS = (5000, 50_000)  # minimum and maximum

# Settings that are stored and returned: their names in headers (after ``x-ms-``) and in listings.
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
class ResponseContext:
    """What a response about a share depends on: the kind of account, the version, and the time."""

    premium: bool
    version: str
    now: datetime


def is_premium(account: StorageAccount | None) -> bool:
    """Whether an account has premium shares: provisioned ones on SSDs."""
    return account is not None and account.sku.startswith("Premium")


def is_nfs(share: Share) -> bool:
    """Whether a share uses NFS: it has owners, modes and links instead of Windows attributes."""
    return share.settings.get("enabled-protocols", "").upper() == "NFS"


def default_quota(*, premium: bool) -> int:
    """The quota (GiB) of a share that is created without one."""
    return PREMIUM_QUOTA if premium else DEFAULT_QUOTA


def headers(share: Share, context: ResponseContext) -> list[tuple[str, str]]:
    """The headers of a Get Share Properties response."""
    protection = [("x-ms-has-immutability-policy", "false"), ("x-ms-has-legal-hold", "false")]  # always, as recorded
    return [*((f"x-ms-{name}", value) for name, value in _properties(share, context)), *protection]


def elements(share: Share, context: ResponseContext) -> list[tuple[str, str]]:
    """The elements of one share in a List Shares response."""
    scope = {"default-encryption-scope": "$account-encryption-key", "deny-encryption-scope-override": "false"}
    properties = [*_properties(share, context), *(scope.items() if context.version >= "2019-07-07" else ())]
    return [(_NAMES[name], value) for name, value in properties]


def _properties(share: Share, context: ResponseContext) -> Iterator[tuple[str, str]]:
    """Names and values, in the order of recorded responses."""
    version = context.version
    if version >= "2020-02-10":
        yield from leases.describe(share.lease, context.now)
    yield "share-quota", str(share.quota)
    settings = dict(share.settings) if version >= "2020-02-10" else {}
    if version >= "2020-02-10" or (context.premium and version >= "2019-07-07"):
        protocols = settings.pop("enabled-protocols", "SMB")
        yield "enabled-protocols", protocols
        if protocols.upper() == "NFS":
            yield "root-squash", settings.pop("root-squash", "NoRootSquash")
    if version >= "2019-12-12":
        yield "access-tier", share.tier
        if share.tier_changed:
            yield "access-tier-change-time", http_date(share.tier_changed)
    if context.premium:
        yield from _provisioned(share, settings)
    elif version >= _SECOND_MODEL and (iops := settings.get("share-provisioned-iops", "")).isdecimal():
        yield from _bursts(share, int(iops))
    yield from settings.items()


def _provisioned(share: Share, settings: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The provisioned properties of a premium share: from ``settings``, where they are removed, or from its quota."""
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
    """The burst properties of a share in the provisioned v2 model, and when its IOPS may be lowered: a day later.

    Source: Microsoft's "Understand Azure Files billing", on the provisioned v2 model.
    """
    minimum, maximum = _BURST_IOPS
    burst = max(iops, min(max(3 * iops, minimum), maximum))
    allowed = http_date(share.changed + timedelta(days=1))
    yield "share-included-burst-iops", str(burst)
    yield "share-max-burst-credits-for-iops", str((burst - iops) * 3600)
    yield "share-next-allowed-provisioned-iops-downgrade-time", allowed
    yield "share-next-allowed-provisioned-bandwidth-downgrade-time", allowed

"""Shares: create, delete, undelete, properties, metadata, access policies, permissions, usage."""

import asyncio
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import permissions, share_properties
from harness.emulator.providers.files.deleted_shares import DeletedShares
from harness.emulator.providers.files.errors import share_exists, share_has_snapshots
from harness.emulator.providers.files.names import check_share
from harness.emulator.providers.files.share_properties import SETTINGS
from harness.emulator.providers.files.shares import Shares
from harness.emulator.providers.files.usage import used_bytes
from harness.emulator.storage_service import documents, errors, headers, leases
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.model import Share, new_content, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import etag, http_date, json_response

_MAX_QUOTA = 262_144  # GiB
_QUOTA_HOLD = timedelta(days=1)  # the time for which a raised premium quota may not be lowered
_TIERS = ("TransactionOptimized", "Hot", "Cool", "Premium")
_PERMISSION_LIMIT = 64 << 10  # bytes of a permission's body


class ShareHandlers:
    """Operations on one share."""

    def __init__(self, shares: Shares, accounts: Accounts) -> None:
        self._shares = shares
        self._accounts = accounts
        self._deleted = DeletedShares(shares)

    def create(self, call: Call) -> Response:
        """Create Share."""
        key = share_key(call.target.account, call.target.share)
        if self._shares.store.get(Share, key):
            raise share_exists()
        quota = headers.number(call.request, "x-ms-share-quota", least=1, most=_MAX_QUOTA)
        premium = self._is_premium(call)
        share = Share(
            call.target.share,
            call.now,
            share_properties.default_quota(premium=premium) if quota is None else quota,
            headers.metadata(call.request),
            tier=_tier(call, "Premium" if premium else "TransactionOptimized"),
            tier_changed=None if premium else call.now,
            settings=_settings(call),
            downgradable=call.now,
        )
        with self._shares.roots.creating(call.target.account, call.target.share) as directory:
            self._shares.store.put(key, replace(share, directory=directory, content=new_content()))
        return Response(201, headers=_stamps(share))

    def get(self, call: Call) -> Response:
        """Get Share Properties, and Get Share Metadata."""
        share = self._checked_share(call, change=False)
        context = share_properties.ResponseContext(self._is_premium(call), call.version, call.now)
        share_headers = [*headers.metadata_headers(share.metadata), *share_properties.headers(share, context)]
        return Response(200, headers=[*_stamps(share), *share_headers])

    async def delete(self, call: Call) -> Response:
        """Delete Share. The share can be restored for the days that the account sets; a snapshot cannot."""
        await self._shares.wait_for_changes(call.target)
        share, target = self._checked_share(call, change=True), call.target
        if target.snapshot:
            self._shares.remove(target.account, share)
            return Response(202)
        snapshots = self._snapshots(target)
        snapshot_mode = call.request.headers.get("x-ms-delete-snapshots", "").lower()
        if snapshot_mode not in ("", "include", "include-leased"):
            raise errors.invalid_header("x-ms-delete-snapshots")
        if snapshots and not snapshot_mode:
            raise share_has_snapshots()
        locked = any(leases.is_locked(snapshot.lease, call.now) for snapshot in snapshots)
        if locked and snapshot_mode != "include-leased":
            raise errors.lease(412, "LeaseIdMissing", "There is currently a lease on a snapshot of the share.")
        if days := self._accounts.settings("file", target.account).share_retention:
            self._deleted.retire(target.account, share, snapshots, now=call.now, days=days)
        else:
            self._shares.remove(target.account, share, *snapshots)
        self._deleted.delete_expired(target.account, call.now)
        return Response(202)

    def undelete(self, call: Call) -> Response:
        """Restore Share."""
        target, request_headers = call.target, call.request.headers
        name, version = (
            request_headers.get("x-ms-deleted-share-name", ""),
            request_headers.get("x-ms-deleted-share-version", ""),
        )
        check_share(name)
        share = self._deleted.restore(target.account, name, version, new_name=target.share, now=call.now)
        return Response(201, headers=_stamps(share))

    def set_metadata(self, call: Call) -> Response:
        """Set Share Metadata."""
        return self._change(call, metadata=headers.metadata(call.request))

    def set_properties(self, call: Call) -> Response:
        """Set Share Properties: quota, tier and settings."""
        share = self._checked_share(call, change=True)
        quota = headers.number(call.request, "x-ms-share-quota", least=1, most=_MAX_QUOTA)
        tier = _tier(call, share.tier)
        raised = quota is not None and quota > share.quota
        return self._change(
            call,
            quota=share.quota if quota is None else quota,
            downgradable=call.now + _QUOTA_HOLD if raised else share.downgradable,
            tier=tier,
            tier_changed=share.tier_changed if tier == share.tier else call.now,
            settings=share.settings | _settings(call),
        )

    def get_policies(self, call: Call) -> Response:
        """Get Share ACL."""
        share = self._checked_share(call, change=False)
        return documents.response(documents.policies_document(share.policies), headers=_stamps(share))

    async def set_policies(self, call: Call) -> Response:
        """Set Share ACL."""
        policies = documents.policies(await call.request.read(documents.LIMIT))
        return self._change(call, policies=policies)

    async def get_usage(self, call: Call) -> Response:
        """Get Share Stats."""
        share = self._checked_share(call, change=False)
        directory = self._accounts.directory("file", call.target.account, name=call.target.directory_name)
        used = await asyncio.to_thread(used_bytes, directory)
        if call.version < "2018-11-09":
            text = f"<ShareUsage>{-(-used // (1 << 30))}</ShareUsage>"
        else:
            text = f"<ShareUsageBytes>{used}</ShareUsageBytes>"
        return documents.response(f"<ShareStats>{text}</ShareStats>", headers=_stamps(share))

    async def create_permission(self, call: Call) -> Response:
        """Create Permission: a security descriptor that files refer to by its key."""
        body = await call.request.read(_PERMISSION_LIMIT)
        share = self._shares.share(call.target)
        try:
            document = msgspec.json.decode(body, type=dict[str, str])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise errors.invalid_input("The request body is not a JSON object with a permission.") from None
        if not document.get("permission"):
            raise errors.invalid_input("The request body has no permission.")
        form = permissions.parse_form(document.get("format", ""), "format")
        key = permissions.keep(self._shares.store, call.target.account, share, text=document["permission"], form=form)
        return Response(201, headers=[("x-ms-file-permission-key", key)])

    def get_permission(self, call: Call) -> Response:
        """Get Permission."""
        share = self._shares.share(call.target)
        key = call.request.headers.get("x-ms-file-permission-key")
        if key is None:
            raise errors.missing_header("x-ms-file-permission-key")
        permission = permissions.find(self._shares.store, call.target.account, share, key)
        if permission is None:
            raise errors.not_found()
        if call.version < "2024-11-04":
            return json_response(200, {"permission": permissions.to_text(permission, "sddl")})
        header = "x-ms-file-permission-format"
        form = permissions.parse_form(call.request.headers.get(header, ""), header)
        return json_response(200, {"permission": permissions.to_text(permission, form), "format": form})

    def _is_premium(self, call: Call) -> bool:
        return share_properties.is_premium(self._accounts.get(call.target.account))

    def _checked_share(self, call: Call, *, change: bool) -> Share:
        share = self._shares.share(call.target)
        lease_id = call.request.headers.get("x-ms-lease-id", "")
        # A lease protects a share from deletion, not from changes.
        only_deletion = change and call.request.method == "DELETE"
        leases.check(share.lease, lease_id, call.now, noun="Share", change=only_deletion)
        return share

    def _change(self, call: Call, **fields: object) -> Response:
        share = replace(self._checked_share(call, change=True), changed=call.now, **fields)
        self._shares.put_share(call.target, share)
        return Response(200, headers=_stamps(share))

    def _snapshots(self, target: Target) -> list[Share]:
        records = self._shares.store.list(Share, share_key(target.account, f"{target.share}@"))
        return [share for _, share in records]


def _stamps(share: Share) -> list[tuple[str, str]]:
    return [("etag", etag(share.changed)), ("last-modified", http_date(share.changed))]


def _tier(call: Call, default: str) -> str:
    text = call.request.headers.get("x-ms-access-tier")
    if text is None:
        return default
    access_tier = next((tier for tier in _TIERS if tier.lower() == text.lower()), None)
    if access_tier is None:
        raise errors.invalid_header("x-ms-access-tier")
    return access_tier


def _settings(call: Call) -> dict[str, str]:
    """The settings that a request names.

    Raises:
        StorageError: a number is malformed.
    """
    request_headers = call.request.headers
    for name in SETTINGS:
        if name.endswith(("iops", "mibps")):
            headers.number(call.request, f"x-ms-{name}", most=1_000_000)
    return {name: request_headers[f"x-ms-{name}"][:100] for name in SETTINGS if f"x-ms-{name}" in request_headers}

"""Headers that responses about files and directories have in common."""

from msgspec.structs import replace

from harness.emulator.providers.files import permissions, smb
from harness.emulator.providers.files.model import Nfs, Properties, Smb
from harness.emulator.providers.files.places import Found, Place
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

Headers = list[tuple[str, str]]


def stamps(found: Found) -> Headers:
    """Etag and time of change."""
    return [("etag", timestamps.etag(found.entry.modified_ns)), ("last-modified", http_date(found.entry.modified))]


def changed(found: Found, call: Call) -> Headers:
    """The headers after a request that made or changed an entry."""
    return [
        *stamps(found),
        ("x-ms-request-server-encrypted", "true"),
        *smb.headers(found, call.version),
    ]


def with_smb(shares: Shares, call: Call, place: Place, before: Properties, *, shown: Smb) -> Properties:
    """The properties of an entry after a request that sets those of SMB and NFS.

    Args:
        shown: the SMB properties that it has, for what the request preserves.

    Raises:
        StorageError: a value is not allowed.
    """
    request, account = call.request, place.target.account
    asked = smb.asked(
        request,
        shown,
        now=timestamps.nanoseconds(call.now),
        directory=request.query.get("restype", "").lower() == "directory",
        find_permission=lambda key: permissions.find(shares.store, account, place.share, key) is not None,
        keep_permission=lambda text, form: permissions.keep(shares.store, account, place.share, text=text, form=form),
    )
    nfs = None
    if is_nfs(place.share):
        nfs = smb.nfs_asked(request, before.nfs or Nfs())
    return replace(before, smb=asked, nfs=nfs)

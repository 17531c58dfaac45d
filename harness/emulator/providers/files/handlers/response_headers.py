"""Headers that all responses about files and directories have."""

from msgspec.structs import replace

from harness.emulator.providers.files import permissions, smb
from harness.emulator.providers.files.model import Nfs, Properties, Smb
from harness.emulator.providers.files.paths import ShareItem, SharePath
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

Headers = list[tuple[str, str]]


def stamps(item: ShareItem) -> Headers:
    """The headers ETag and Last-Modified."""
    return [("etag", timestamps.etag(item.entry.modified_ns)), ("last-modified", http_date(item.entry.modified))]


def change_headers(item: ShareItem, call: Call) -> Headers:
    """The headers of the response to a request that created or changed a file or directory."""
    return [
        *stamps(item),
        ("x-ms-request-server-encrypted", "true"),
        *smb.headers(item, call.version),
    ]


def with_smb(shares: Shares, call: Call, path: SharePath, before: Properties, *, current: Smb) -> Properties:
    """The properties of a file or directory after a request that sets its SMB and NFS properties.

    Args:
        current: the present SMB properties, for those that the request preserves.

    Raises:
        StorageError: a value is not allowed.
    """
    request, account = call.request, path.target.account
    smb_properties = smb.from_request(
        request,
        current,
        now=timestamps.nanoseconds(call.now),
        directory=request.query.get("restype", "").lower() == "directory",
        find_permission=lambda key: permissions.find(shares.store, account, path.share, key) is not None,
        keep_permission=lambda text, form: permissions.keep(shares.store, account, path.share, text=text, form=form),
    )
    nfs = None
    if is_nfs(path.share):
        nfs = smb.nfs_from_request(request, before.nfs or Nfs())
    return replace(before, smb=smb_properties, nfs=nfs)

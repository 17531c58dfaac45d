"""The operations of Azure Files, by method and query of their requests.

Source: Microsoft's "Azure Files REST API"; permissions and resource types of "Create an account SAS".
"""

from collections.abc import Awaitable

from harness.emulator.context import Response
from harness.emulator.providers.files.contents import Contents
from harness.emulator.providers.files.handlers import (
    CopyHandlers,
    DirectoryHandlers,
    FileHandlers,
    HandleHandlers,
    LeaseHandlers,
    LinkHandlers,
    RangeHandlers,
    RenameHandlers,
    ServiceHandlers,
    ShareHandlers,
    SnapshotHandlers,
)
from harness.emulator.providers.files.moves import Moves
from harness.emulator.providers.files.quota import Quotas
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.copy_sources import CopySources
from harness.emulator.storage_service.delegation_requests import DelegationHandlers
from harness.emulator.storage_service.intents import Intents
from harness.emulator.storage_service.operations import Address, Call, Handler, Operation, Operations

UNSERVED: dict[Address, str] = {}
SNAPSHOT_WRITES = frozenset({"DeleteShare", "LeaseShare", "OpenHandle", "ForceCloseHandles"})


def operations(shares: Shares, accounts: Accounts, sources: CopySources) -> Operations:
    """The table of operations."""
    quotas = Quotas(accounts)
    intents = Intents(shares.store)
    contents, moves = Contents(shares, intents), Moves(shares, intents)
    copies, renames = CopyHandlers(shares, sources, quotas), RenameHandlers(shares, sources, moves)
    leases, handles = LeaseHandlers(shares), HandleHandlers(shares)
    return {
        **_of_service(ServiceHandlers(shares, accounts), DelegationHandlers(sources.authority)),
        **_of_shares(ShareHandlers(shares, accounts), SnapshotHandlers(shares), leases),
        **_of_directories(DirectoryHandlers(shares), renames, handles),
        **_of_files(FileHandlers(shares, contents), copies, renames, leases),
        **_of_links(LinkHandlers(shares)),
        **_of_ranges(RangeHandlers(shares, contents, sources, quotas)),
    }


def _of_service(service: ServiceHandlers, delegation: DelegationHandlers) -> Operations:
    return {
        ("service", "POST", "service", "userdelegationkey"): Operation(
            "GetUserDelegationKey", "", "s", delegation.get_key
        ),
        ("service", "GET", "", "list"): Operation("ListShares", "l", "s", service.list_shares),
        ("service", "GET", "service", "properties"): Operation(
            "GetFileServiceProperties", "r", "s", service.get_properties
        ),
        ("service", "PUT", "service", "properties"): Operation(
            "SetFileServiceProperties", "w", "s", service.set_properties
        ),
    }


def _of_shares(shares: ShareHandlers, snapshots: SnapshotHandlers, leases: LeaseHandlers) -> Operations:
    table = {
        ("PUT", ""): Operation("CreateShare", "cw", "c", shares.create),
        ("GET", ""): Operation("GetShareProperties", "r", "c", shares.get),
        ("HEAD", ""): Operation("GetShareProperties", "r", "c", shares.get),
        ("DELETE", ""): Operation("DeleteShare", "d", "c", shares.delete),
        ("PUT", "metadata"): Operation("SetShareMetadata", "w", "c", shares.set_metadata),
        ("GET", "metadata"): Operation("GetShareMetadata", "r", "c", shares.get),
        ("HEAD", "metadata"): Operation("GetShareMetadata", "r", "c", shares.get),
        ("PUT", "properties"): Operation("SetShareProperties", "w", "c", shares.set_properties),
        ("GET", "acl"): Operation("GetShareAcl", "", "c", shares.get_policies),
        ("HEAD", "acl"): Operation("GetShareAcl", "", "c", shares.get_policies),
        ("PUT", "acl"): Operation("SetShareAcl", "", "c", shares.set_policies),
        ("GET", "stats"): Operation("GetShareStats", "r", "c", shares.get_usage),
        ("PUT", "undelete"): Operation("RestoreShare", "cw", "c", shares.undelete),
        ("PUT", "snapshot"): Operation("SnapshotShare", "cw", "c", snapshots.create),
        ("PUT", "lease"): Operation("LeaseShare", "wd", "c", leases.share),
        ("PUT", "filepermission"): Operation("CreatePermission", "cw", "c", shares.create_permission),
        ("GET", "filepermission"): Operation("GetPermission", "r", "c", shares.get_permission),
    }
    return {("share", method, "share", component): operation for (method, component), operation in table.items()}


def _of_directories(directories: DirectoryHandlers, renames: RenameHandlers, handles: HandleHandlers) -> Operations:
    by_method = {
        ("PUT", ""): Operation("CreateDirectory", "cw", "o", directories.create),
        ("GET", ""): Operation("GetDirectoryProperties", "r", "o", directories.get),
        ("HEAD", ""): Operation("GetDirectoryProperties", "r", "o", directories.get),
        ("DELETE", ""): Operation("DeleteDirectory", "d", "o", directories.delete),
        ("PUT", "metadata"): Operation("SetDirectoryMetadata", "w", "o", directories.set_metadata),
        ("GET", "metadata"): Operation("GetDirectoryMetadata", "r", "o", directories.get),
        ("HEAD", "metadata"): Operation("GetDirectoryMetadata", "r", "o", directories.get),
        ("PUT", "properties"): Operation("SetDirectoryProperties", "w", "o", directories.set_properties),
        ("GET", "list"): Operation("ListDirectoriesAndFiles", "l", "c", directories.list_entries),
        ("PUT", "rename"): Operation("RenameDirectory", "w", "o", renames.directory),
    }
    table = {
        (level, method, "directory", component): operation
        for (method, component), operation in by_method.items()
        for level in ("share", "path")  # a request for a share addresses its root directory
    }
    return table | {
        (level, method, "", component): operation
        for level in ("share", "path")
        for (method, component), operation in {
            ("PUT", "openhandle"): Operation("OpenHandle", "w", "o", handles.open),
            ("GET", "listhandles"): Operation("ListHandles", "l", "o", handles.list_handles),
            ("PUT", "forceclosehandles"): Operation("ForceCloseHandles", "w", "o", handles.close),
        }.items()
    }


def _of_files(files: FileHandlers, copies: CopyHandlers, renames: RenameHandlers, leases: LeaseHandlers) -> Operations:
    table = {
        ("PUT", ""): Operation("CreateFile", "cw", "o", _create_or_copy(files.create, copies.start)),
        ("GET", ""): Operation("GetFile", "r", "o", files.get),
        ("HEAD", ""): Operation("GetFileProperties", "r", "o", files.head),
        ("DELETE", ""): Operation("DeleteFile", "d", "o", files.delete),
        ("PUT", "metadata"): Operation("SetFileMetadata", "w", "o", files.set_metadata),
        ("GET", "metadata"): Operation("GetFileMetadata", "r", "o", files.get_metadata),
        ("HEAD", "metadata"): Operation("GetFileMetadata", "r", "o", files.get_metadata),
        ("PUT", "properties"): Operation("SetFileProperties", "w", "o", files.set_properties),
        ("PUT", "copy"): Operation("AbortCopyFile", "w", "o", copies.abort),
        ("PUT", "lease"): Operation("LeaseFile", "wd", "o", leases.file),
        ("PUT", "rename"): Operation("RenameFile", "w", "o", renames.file),
    }
    return {("path", method, "", component): operation for (method, component), operation in table.items()}


def _of_ranges(ranges: RangeHandlers) -> Operations:
    return {
        ("path", "PUT", "", "range"): Operation("PutRange", "w", "o", ranges.put),
        ("path", "GET", "", "rangelist"): Operation("ListRanges", "r", "o", ranges.list_ranges),
    }


def _of_links(links: LinkHandlers) -> Operations:
    return {
        ("path", "PUT", "hardlink", ""): Operation("CreateHardLink", "cw", "o", links.create_hard_link),
        ("path", "PUT", "symboliclink", ""): Operation("CreateSymbolicLink", "cw", "o", links.create_symbolic_link),
        ("path", "GET", "symboliclink", ""): Operation("GetSymbolicLink", "r", "o", links.get_symbolic_link),
    }


def _create_or_copy(create: Handler, copy: Handler) -> Handler:
    """The handler that creates a file, either empty or as a copy."""

    def choose(call: Call) -> Response | Awaitable[Response]:
        return (copy if "x-ms-copy-source" in call.request.headers else create)(call)

    return choose

"""The operations of blob storage, by method and query of their requests.

Source: Microsoft's "Blob Storage REST API"; permissions and resource types of "Create an account SAS".
"""

from dataclasses import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs.blob_files import BlobFiles
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.handlers import (
    AppendHandlers,
    BatchHandlers,
    BlobHandlers,
    BlockHandlers,
    ContainerHandlers,
    CopyHandlers,
    DeletionHandlers,
    FromUrlHandlers,
    ListingHandlers,
    PageHandlers,
    PageRangeHandlers,
    PutHandlers,
    ServiceHandlers,
    SnapshotHandlers,
    SourceReader,
    TagHandlers,
    TierHandlers,
)
from harness.emulator.providers.blobs.handlers.batch import RequestHandler
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.public_access import PublicAccess
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.copy_sources import CopySources
from harness.emulator.storage_service.delegation_requests import DelegationHandlers
from harness.emulator.storage_service.operations import Address, Call, Operation, Operations

UNSERVED: dict[Address, str] = {
    ("service", "GET", "service", "stats"): "GetBlobServiceStats",
    ("share", "PUT", "container", "undelete"): "RestoreContainer",
    ("share", "PUT", "container", "rename"): "RenameContainer",
    ("path", "PUT", "", "expiry"): "SetBlobExpiry",
    ("path", "PUT", "", "legalhold"): "SetBlobLegalHold",
    ("path", "PUT", "", "immutabilitypolicies"): "SetBlobImmutabilityPolicy",
    ("path", "DELETE", "", "immutabilitypolicies"): "DeleteBlobImmutabilityPolicy",
    ("path", "POST", "", "query"): "QueryBlobContents",
    ("path", "PUT", "", "incrementalcopy"): "IncrementalCopyBlob",
}
UNSERVED_HEADERS = frozenset(
    {
        "x-ms-encryption-key",
        "x-ms-encryption-scope",
        "x-ms-immutability-policy-until-date",
        "x-ms-legal-hold",
    }
)
UNSERVED_PARAMETERS = frozenset({"ses"})  # the encryption scope of writes with a SAS


def operations(
    containers: Containers,
    accounts: Accounts,
    sources: CopySources,
    *,
    history: History,
    public: PublicAccess,
    service: RequestHandler,
) -> Operations:
    """Return the operations of the service by their addresses.

    Args:
        history: finds and keeps earlier states of blobs.
        service: handles the requests of a batch.
    """
    blob_files = BlobFiles(containers, history)
    contents, source_reader = Contents(containers), SourceReader(sources)
    blobs = BlobHandlers(containers, blob_files, history, contents)
    copies = CopyHandlers(containers, blobs, sources)
    puts = PutHandlers(containers, blobs, copies, FromUrlHandlers(containers, blobs, source_reader))
    appends = AppendHandlers(containers, contents, source_reader)
    pages = PageHandlers(containers, contents, source_reader)
    snapshots, deletions = SnapshotHandlers(containers, history), DeletionHandlers(containers, history, blob_files)
    tiers = TierHandlers(containers, history)
    changes = {
        **_change_operations(blobs, appends),
        **_history_operations(snapshots, deletions),
        **_tier_operations(tiers),
    }
    return {
        **_service_operations(ServiceHandlers(containers, accounts), DelegationHandlers(sources.authority)),
        **_container_operations(ContainerHandlers(containers, public), ListingHandlers(containers, history)),
        **_read_operations(blobs),
        **_content_operations(puts, BlockHandlers(containers, blobs, history, source_reader), appends, pages, copies),
        ("path", "GET", "", "pagelist"): Operation(
            "GetPageRanges", "r", "o", PageRangeHandlers(history).list_pages, "blob"
        ),
        **_tag_operations(TagHandlers(containers, history)),
        **{address: _in_turn(containers, operation) for address, operation in changes.items()},
        **_batch_operations(BatchHandlers(service)),
    }


def _service_operations(service: ServiceHandlers, delegation: DelegationHandlers) -> Operations:
    account = Operation("GetAccountInformation", "rl", "", service.get_account)
    return {
        ("service", "POST", "service", "userdelegationkey"): Operation(
            "GetUserDelegationKey", "", "s", delegation.get_key
        ),
        ("service", "GET", "", "list"): Operation("ListContainers", "l", "s", service.list_containers),
        ("service", "GET", "service", "properties"): Operation(
            "GetBlobServiceProperties", "r", "s", service.get_properties
        ),
        ("service", "PUT", "service", "properties"): Operation(
            "SetBlobServiceProperties", "w", "s", service.set_properties
        ),
        ("service", "GET", "account", "properties"): account,
        ("service", "HEAD", "account", "properties"): account,
        ("share", "GET", "account", "properties"): account,
        ("share", "HEAD", "account", "properties"): account,
        ("path", "GET", "account", "properties"): account,
        ("path", "HEAD", "account", "properties"): account,
    }


def _container_operations(containers: ContainerHandlers, listings: ListingHandlers) -> Operations:
    table = {
        ("PUT", ""): Operation("CreateContainer", "cw", "c", containers.create),
        ("GET", ""): Operation("GetContainerProperties", "r", "c", containers.get, "container"),
        ("HEAD", ""): Operation("GetContainerProperties", "r", "c", containers.get, "container"),
        ("DELETE", ""): Operation("DeleteContainer", "d", "c", containers.delete),
        ("PUT", "metadata"): Operation("SetContainerMetadata", "w", "c", containers.set_metadata),
        ("GET", "metadata"): Operation("GetContainerMetadata", "r", "c", containers.get, "container"),
        ("HEAD", "metadata"): Operation("GetContainerMetadata", "r", "c", containers.get, "container"),
        ("GET", "acl"): Operation("GetContainerAcl", "", "c", containers.get_policies),
        ("HEAD", "acl"): Operation("GetContainerAcl", "", "c", containers.get_policies),
        ("PUT", "acl"): Operation("SetContainerAcl", "", "c", containers.set_policies),
        ("GET", "list"): Operation("ListBlobs", "l", "c", listings.list_blobs, "container"),
    }
    operations = {
        ("share", method, "container", component): operation for (method, component), operation in table.items()
    }
    lease = Operation("LeaseContainer", "wd", "c", containers.lease)
    return operations | {("share", "PUT", "container", "lease"): lease, ("share", "PUT", "", "lease"): lease}


def _content_operations(
    puts: PutHandlers, blocks: BlockHandlers, appends: AppendHandlers, pages: PageHandlers, copies: CopyHandlers
) -> Operations:
    """Return the operations that write content. Each waits for its turn after it has received the content."""
    table = {
        ("PUT", ""): Operation("PutBlob", "cw", "o", puts.put),
        ("PUT", "block"): Operation("PutBlock", "cw", "o", blocks.put),
        ("PUT", "blocklist"): Operation("PutBlockList", "cw", "o", blocks.commit),
        ("GET", "blocklist"): Operation("GetBlockList", "r", "o", blocks.get, "blob"),
        ("PUT", "appendblock"): Operation("AppendBlock", "aw", "o", appends.append),
        ("PUT", "page"): Operation("PutPage", "w", "o", pages.put),
        ("PUT", "copy"): Operation("AbortCopyBlob", "w", "o", copies.abort),
    }
    return {("path", method, "", component): operation for (method, component), operation in table.items()}


def _read_operations(blobs: BlobHandlers) -> Operations:
    return {
        ("path", "GET", "", ""): Operation("GetBlob", "r", "o", blobs.get, "blob"),
        ("path", "HEAD", "", ""): Operation("GetBlobProperties", "r", "o", blobs.head, "blob"),
        ("path", "GET", "", "metadata"): Operation("GetBlobMetadata", "r", "o", blobs.get_metadata, "blob"),
        ("path", "HEAD", "", "metadata"): Operation("GetBlobMetadata", "r", "o", blobs.get_metadata, "blob"),
    }


def _change_operations(blobs: BlobHandlers, appends: AppendHandlers) -> Operations:
    return {
        ("path", "PUT", "", "metadata"): Operation("SetBlobMetadata", "w", "o", blobs.set_metadata),
        ("path", "PUT", "", "properties"): Operation("SetBlobProperties", "w", "o", blobs.set_properties),
        ("path", "PUT", "", "lease"): Operation("LeaseBlob", "wd", "o", blobs.lease),
        ("path", "PUT", "", "seal"): Operation("AppendBlobSeal", "w", "o", appends.seal),
    }


def _history_operations(snapshots: SnapshotHandlers, deletions: DeletionHandlers) -> Operations:
    return {
        ("path", "DELETE", "", ""): Operation("DeleteBlob", "dxy", "o", deletions.delete),
        ("path", "PUT", "", "snapshot"): Operation("SnapshotBlob", "cw", "o", snapshots.create),
        ("path", "PUT", "", "undelete"): Operation("UndeleteBlob", "w", "o", deletions.undelete),
    }


def _tag_operations(tags: TagHandlers) -> Operations:
    return {
        ("path", "GET", "", "tags"): Operation("GetBlobTags", "t", "o", tags.get),
        ("path", "PUT", "", "tags"): Operation("SetBlobTags", "t", "o", tags.set),
        ("service", "GET", "", "blobs"): Operation("FindBlobsByTags", "f", "o", tags.find),
        ("share", "GET", "container", "blobs"): Operation("FindBlobsByTags", "f", "o", tags.find),
    }


def _in_turn(containers: Containers, operation: Operation) -> Operation:
    """Return an operation that waits for the blob's turn before it changes the blob."""

    async def handle(call: Call) -> Response:
        async with containers.changing(call):
            response = operation.handler(call)
            return response if isinstance(response, Response) else await response

    return replace(operation, handler=handle)


def _tier_operations(tiers: TierHandlers) -> Operations:
    return {("path", "PUT", "", "tier"): Operation("SetBlobTier", "w", "o", tiers.set)}


def _batch_operations(batch: BatchHandlers) -> Operations:
    operation = Operation("BlobBatch", "dwxy", "o", batch.perform)
    return {("service", "POST", "", "batch"): operation, ("share", "POST", "container", "batch"): operation}

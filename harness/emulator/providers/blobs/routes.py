"""The operations of blob storage, by what their requests look like.

Source: Microsoft's "Blob Storage REST API"; permissions and resource types of "Create an account SAS".
"""

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.handlers import (
    BlobHandlers,
    BlockHandlers,
    ContainerHandlers,
    DeletionHandlers,
    ListingHandlers,
    ServiceHandlers,
    SnapshotHandlers,
    TagHandlers,
)
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.placing import Placing
from harness.emulator.providers.blobs.public_access import PublicAccess
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.bearer import BearerAuthority
from harness.emulator.storage_service.delegation_requests import DelegationHandlers
from harness.emulator.storage_service.host import Address, Operation, Operations

UNSERVED: dict[Address, str] = {
    ("service", "POST", "", "batch"): "BlobBatch",
    ("service", "GET", "service", "stats"): "GetBlobServiceStats",
    ("share", "PUT", "container", "undelete"): "RestoreContainer",
    ("share", "PUT", "container", "rename"): "RenameContainer",
    ("share", "POST", "container", "batch"): "BlobBatch",
    ("path", "PUT", "", "copy"): "AbortCopyBlob",
    ("path", "PUT", "", "tier"): "SetBlobTier",
    ("path", "PUT", "", "expiry"): "SetBlobExpiry",
    ("path", "PUT", "", "legalhold"): "SetBlobLegalHold",
    ("path", "PUT", "", "immutabilitypolicies"): "SetBlobImmutabilityPolicy",
    ("path", "DELETE", "", "immutabilitypolicies"): "DeleteBlobImmutabilityPolicy",
    ("path", "POST", "", "query"): "QueryBlobContents",
    ("path", "PUT", "", "page"): "PutPage",
    ("path", "GET", "", "pagelist"): "GetPageRanges",
    ("path", "PUT", "", "incrementalcopy"): "IncrementalCopyBlob",
    ("path", "PUT", "", "appendblock"): "AppendBlock",
    ("path", "PUT", "", "seal"): "AppendBlobSeal",
}
UNSERVED_HEADERS = frozenset(
    {
        "x-ms-encryption-key",
        "x-ms-encryption-scope",
        "x-ms-immutability-policy-until-date",
        "x-ms-legal-hold",
    }
)


def operations(
    containers: Containers, accounts: Accounts, authority: BearerAuthority, public: PublicAccess
) -> Operations:
    """The table of the service."""
    history = History(containers)
    placing = Placing(containers, history)
    blobs = BlobHandlers(containers, placing, history)
    return {
        **_of_service(ServiceHandlers(containers, accounts), DelegationHandlers(authority)),
        **_of_containers(ContainerHandlers(containers, public), ListingHandlers(containers, history)),
        **_of_blobs(blobs, BlockHandlers(containers, blobs)),
        **_of_tags(TagHandlers(containers, history)),
        **_of_earlier(SnapshotHandlers(containers, history), DeletionHandlers(containers, history, placing)),
    }


def _of_service(service: ServiceHandlers, delegation: DelegationHandlers) -> Operations:
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


def _of_containers(containers: ContainerHandlers, listings: ListingHandlers) -> Operations:
    found = {
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
    table = {("share", method, "container", component): each for (method, component), each in found.items()}
    lease = Operation("LeaseContainer", "wd", "c", containers.lease)
    return table | {("share", "PUT", "container", "lease"): lease, ("share", "PUT", "", "lease"): lease}


def _of_blobs(blobs: BlobHandlers, blocks: BlockHandlers) -> Operations:
    found = {
        ("PUT", ""): Operation("PutBlob", "cw", "o", blobs.put),
        ("GET", ""): Operation("GetBlob", "r", "o", blobs.get, "blob"),
        ("HEAD", ""): Operation("GetBlobProperties", "r", "o", blobs.head, "blob"),
        ("PUT", "block"): Operation("PutBlock", "cw", "o", blocks.put),
        ("PUT", "blocklist"): Operation("PutBlockList", "cw", "o", blocks.commit),
        ("GET", "blocklist"): Operation("GetBlockList", "r", "o", blocks.get, "blob"),
        ("PUT", "metadata"): Operation("SetBlobMetadata", "w", "o", blobs.set_metadata),
        ("GET", "metadata"): Operation("GetBlobMetadata", "r", "o", blobs.get_metadata, "blob"),
        ("HEAD", "metadata"): Operation("GetBlobMetadata", "r", "o", blobs.get_metadata, "blob"),
        ("PUT", "properties"): Operation("SetBlobProperties", "w", "o", blobs.set_properties),
        ("PUT", "lease"): Operation("LeaseBlob", "wd", "o", blobs.lease),
    }
    return {("path", method, "", component): each for (method, component), each in found.items()}


def _of_earlier(snapshots: SnapshotHandlers, deletions: DeletionHandlers) -> Operations:
    return {
        ("path", "DELETE", "", ""): Operation("DeleteBlob", "d", "o", deletions.delete),
        ("path", "PUT", "", "snapshot"): Operation("SnapshotBlob", "cw", "o", snapshots.create),
        ("path", "PUT", "", "undelete"): Operation("UndeleteBlob", "w", "o", deletions.undelete),
    }


def _of_tags(tags: TagHandlers) -> Operations:
    return {
        ("path", "GET", "", "tags"): Operation("GetBlobTags", "t", "o", tags.get),
        ("path", "PUT", "", "tags"): Operation("SetBlobTags", "t", "o", tags.set),
        ("service", "GET", "", "blobs"): Operation("FindBlobsByTags", "f", "o", tags.find),
        ("share", "GET", "container", "blobs"): Operation("FindBlobsByTags", "f", "o", tags.find),
    }

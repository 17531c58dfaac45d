"""Rules of copies: the properties that a copy inherits from its source, and the blob that it may replace."""

from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import target_condition_not_met
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service import conditions, extents, headers, leases
from harness.emulator.storage_service.copy_sources import Source
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.operations import Call


def check_source(call: Call, source: Source) -> None:
    """Refuse a copy whose conditions on its source do not hold.

    Raises:
        StorageError: a condition does not hold.
    """
    request_headers = call.request.headers
    conditions.check_source(request_headers, etag=source.etag, modified=source.modified)
    if isinstance(source.blob, Blob):
        tags.check(request_headers, source.blob.tags, header=tags.SOURCE_CONDITION)
        leases.check(
            source.blob.lease, request_headers.get("x-ms-source-lease-id", ""), call.now, noun="Blob", change=False
        )


def copy_record(call: Call, source: Source) -> Blob:
    """Return the record of a copied blob, without its lease and its time of creation.

    Metadata of the request replaces that of the source. The tags are those of the request.
    """
    original = source.blob if isinstance(source.blob, Blob) else Blob()
    return Blob(
        kind=original.kind,
        metadata=headers.metadata(call.request) or dict(source.metadata),
        tags=tags.request_tags(call),
        tier=tiers.requested_tier(call.request.headers, original.kind),
        content=dict(source.content),
        content_md5=source.content_md5,
        blocks=original.blocks,
        appended=original.appended,
        sealed=original.kind == "AppendBlob" and headers.flag(call.request, "x-ms-seal-blob", default=original.sealed),
        sequence=original.sequence,
        extents=extents.of_copy(original.extents),
    )


def blob_to_replace(containers: Containers, call: Call, path: BlobPath) -> StoredBlob | None:
    """Return the blob that a copy replaces; None if there is none.

    Raises:
        StorageError: a condition or a lease forbids it, or the caller's SAS only allows new blobs.
    """
    before = containers.find(path)
    tags.check(call.request.headers, before.record.tags if before else None)
    try:
        containers.admit_write(call, before)
    except StorageError as error:
        if error.code == "ConditionNotMet":
            raise target_condition_not_met() from error
        raise
    return before

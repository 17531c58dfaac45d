"""What a copied blob inherits from its source, and what it may replace."""

from harness.emulator.providers.blobs import tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.errors import target_condition_not_met
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.storage_service import conditions, extents, headers, leases
from harness.emulator.storage_service.copy_sources import Source
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.operations import Call


def checked_source(call: Call, source: Source) -> None:
    """Refuse a copy whose conditions on its source do not hold.

    Raises:
        StorageError: one does not.
    """
    given = call.request.headers
    conditions.check_source(given, etag=source.etag, modified=source.modified)
    if isinstance(source.blob, Blob):
        tags.check(given, source.blob.tags, header=tags.SOURCE_CONDITION)
        leases.check(source.blob.lease, given.get("x-ms-source-lease-id", ""), call.now, noun="Blob", change=False)


def copied(call: Call, source: Source) -> Blob:
    """The properties of a copied blob, except those of its own: its lease and its time of creation.

    Metadata of the request replaces that of the source. Tags are those of the request.
    """
    kept = source.blob if isinstance(source.blob, Blob) else Blob()
    return Blob(
        kind=kept.kind,
        metadata=headers.metadata(call.request) or dict(source.metadata),
        tags=tags.written(call),
        tier=tiers.written(call.request.headers, kept.kind),
        content=dict(source.content),
        content_md5=source.content_md5,
        blocks=kept.blocks,
        appended=kept.appended,
        sealed=kept.kind == "AppendBlob" and headers.flag(call.request, "x-ms-seal-blob", default=kept.sealed),
        sequence=kept.sequence,
        extents=extents.as_new(kept.extents),
    )


def replaced(containers: Containers, call: Call, place: Place) -> Found | None:
    """The blob that a copy replaces, if it may.

    Raises:
        StorageError: a condition or a lease stands in the way, or the caller's SAS only creates.
    """
    before = containers.find(place)
    tags.check(call.request.headers, before.blob.tags if before else None)
    try:
        containers.admit_write(call, before)
    except StorageError as error:
        if error.code == "ConditionNotMet":
            raise target_condition_not_met() from error
        raise
    return before

"""Headers of responses about blobs."""

from harness.emulator.providers.blobs import tiers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import headers, leases, timestamps
from harness.emulator.storage_service.copying import copy_headers
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_TIER_IN_GET_BLOB = "2026-10-06"  # since this version, Get Blob shows the tier, too

Headers = list[tuple[str, str]]


def encrypted(call: Call) -> Headers:
    """Return the header that reports encryption, in the versions that have it."""
    return [("x-ms-request-server-encrypted", "true")] if call.version >= "2016-05-31" else []


def stamps(blob: StoredBlob) -> Headers:
    """Return the headers with ETag, last-modified time and version of a blob."""
    version = [("x-ms-version-id", blob.record.version)] if blob.record.version else []
    return [("etag", blob.etag), ("last-modified", http_date(blob.entry.modified)), *version]


def properties(blob: StoredBlob, call: Call, *, ranged: bool = False) -> Headers:
    """Return all headers of Get Blob and Get Blob Properties.

    Args:
        ranged: whether the response holds a range, whose MD5 is not that of the blob.
    """
    record = blob.record
    fields = [*({"content-type": "application/octet-stream"} | record.content).items()]
    if record.content_md5:
        fields.append(("x-ms-blob-content-md5" if ranged else "content-md5", record.content_md5))
    fields += [*stamps(blob), ("x-ms-blob-type", record.kind), *headers.metadata_headers(blob.metadata)]
    fields += [*_of_type(record, call), *copy_headers(record.copy)]
    if blob.earlier is None:
        fields += leases.headers(record.lease, call.now)
    if record.version and blob.earlier is None:
        fields.append(("x-ms-is-current-version", "true"))
    if record.tags and call.version >= "2019-12-12":
        fields.append(("x-ms-tag-count", str(len(record.tags))))
    fields.append(("x-ms-server-encrypted", "true"))
    if call.version >= "2017-11-09":
        fields.append(("x-ms-creation-time", http_date(timestamps.at(record.created or blob.entry.modified_ns))))
    if call.version >= ("2017-04-17" if call.request.method == "HEAD" else _TIER_IN_GET_BLOB):
        fields += tiers.headers_of(record, call.now)
    return fields


def _of_type(record: Blob, call: Call) -> Headers:
    """Return the headers that only append blobs and page blobs have."""
    if record.kind == "PageBlob":
        return [("x-ms-blob-sequence-number", str(record.sequence))]
    if record.kind != "AppendBlob":
        return []
    fields = [("x-ms-blob-committed-block-count", str(record.appended))]
    if record.sealed and call.version >= "2019-12-12":
        fields.append(("x-ms-blob-sealed", "true"))
    return fields

"""Headers of responses about blobs."""

from harness.emulator.providers.blobs import tiers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import headers, leases, timestamps
from harness.emulator.storage_service.copying import copy_headers
from harness.emulator.storage_service.operations import Call
from harness.emulator.wire import http_date

_TIERS_OF_CONTENTS = "2026-10-06"  # the version since which Get Blob shows the tier, too

Headers = list[tuple[str, str]]


def encrypted(call: Call) -> Headers:
    """The header that says that the content is encrypted, in the versions that have it."""
    return [("x-ms-request-server-encrypted", "true")] if call.version >= "2016-05-31" else []


def stamps(found: Found) -> Headers:
    """ETag, time of last change and version of a blob."""
    version = [("x-ms-version-id", found.blob.version)] if found.blob.version else []
    return [("etag", found.etag), ("last-modified", http_date(found.entry.modified)), *version]


def properties(found: Found, call: Call, *, ranged: bool = False) -> Headers:
    """All headers of Get Blob and Get Blob Properties.

    Args:
        ranged: whether the response holds a range, whose MD5 is not that of the blob.
    """
    blob = found.blob
    shown = [*({"content-type": "application/octet-stream"} | blob.content).items()]
    if blob.content_md5:
        shown.append(("x-ms-blob-content-md5" if ranged else "content-md5", blob.content_md5))
    shown += [*stamps(found), ("x-ms-blob-type", blob.kind), *headers.metadata_headers(found.metadata)]
    shown += [*_of_type(blob, call), *copy_headers(blob.copy)]
    if found.earlier is None:
        shown += leases.headers(blob.lease, call.now)
    if blob.version and found.earlier is None:
        shown.append(("x-ms-is-current-version", "true"))
    if blob.tags and call.version >= "2019-12-12":
        shown.append(("x-ms-tag-count", str(len(blob.tags))))
    shown.append(("x-ms-server-encrypted", "true"))
    if call.version >= "2017-11-09":
        shown.append(("x-ms-creation-time", http_date(timestamps.at(blob.created or found.entry.modified_ns))))
    if call.version >= ("2017-04-17" if call.request.method == "HEAD" else _TIERS_OF_CONTENTS):
        shown += tiers.headers_of(blob, call.now)
    return shown


def _of_type(blob: Blob, call: Call) -> Headers:
    """Headers that only append blobs and page blobs have."""
    if blob.kind == "PageBlob":
        return [("x-ms-blob-sequence-number", str(blob.sequence))]
    if blob.kind != "AppendBlob":
        return []
    shown = [("x-ms-blob-committed-block-count", str(blob.appended))]
    if blob.sealed and call.version >= "2019-12-12":
        shown.append(("x-ms-blob-sealed", "true"))
    return shown

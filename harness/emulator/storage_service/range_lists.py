"""Paged lists of the ranges of a file or page blob that hold data or have changed; pure."""

from harness.emulator.context import Request
from harness.emulator.storage_service import documents, errors, headers
from harness.emulator.storage_service.extents import Ranges


def document(request: Request, *, root: str, tag: str, written: Ranges, cleared: Ranges) -> str:
    """The document of a range list; one page of it if the request asks for pages.

    Args:
        root: the name of the document's root.
        tag: the name of the elements of ranges with data; cleared ranges are ``ClearRange``.

    Raises:
        StorageError: the marker of the request is invalid.
    """
    tagged = sorted([(*span, tag) for span in written] + [(*span, "ClearRange") for span in cleared])
    marker = request.query.get("marker", "")
    if marker:
        if not (marker.isascii() and marker.isdigit() and len(marker) < 20):
            raise errors.invalid_query("marker")
        tagged = [span for span in tagged if span[0] >= int(marker)]
    paged = "maxresults" in request.query
    size = headers.page_size(request) if paged else len(tagged)
    more = str(tagged[size][0]) if len(tagged) > size else ""
    items = "".join(f"<{name}><Start>{first}</Start><End>{last}</End></{name}>" for first, last, name in tagged[:size])
    return f"<{root}>{items}{documents.next_marker(more) if paged or marker else ''}</{root}>"

"""Bodies that a cassette of another tool keeps as they came over the wire: compressed."""

import io
from collections.abc import Mapping

import urllib3

from harness.errors import CassetteError


def decoded(headers: Mapping[str, str], body: bytes, limit: int) -> tuple[dict[str, str], bytes]:
    """Headers without the content encoding, and the body without it, too.

    Some tools decode bodies and leave the header in place; such a body is taken as it is.

    Args:
        headers: of the response.
        body: as it is kept.
        limit: bytes that the body may have; a few bytes can be made to unpack to gigabytes.

    Raises:
        CassetteError: the body would exceed the limit.
    """
    kept = {name: value for name, value in headers.items() if name.lower() != "content-encoding"}
    encoding = next((value for name, value in headers.items() if name.lower() == "content-encoding"), "")
    if not encoding or not body:
        return kept, body
    response = urllib3.HTTPResponse(io.BytesIO(body), headers={"Content-Encoding": encoding}, preload_content=False)
    try:
        found = response.read(limit + 1, decode_content=True)
    except urllib3.exceptions.HTTPError:
        return kept, body
    if len(found) > limit:
        raise CassetteError(f"a body with Content-Encoding: {encoding} is too large when it is unpacked")
    return kept, found

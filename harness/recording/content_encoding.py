"""Decompression of bodies that cassettes of other tools store as they were received."""

import io
from collections.abc import Mapping

import urllib3

from harness.errors import CassetteError


def decode_body(headers: Mapping[str, str], body: bytes, limit: int) -> tuple[dict[str, str], bytes]:
    """Decompress a body, and remove ``Content-Encoding`` from its headers.

    Some tools decompress bodies and leave the header in place; such a body is returned unchanged.

    Args:
        headers: the headers of the response.
        body: the body in the cassette.
        limit: the largest allowed length in bytes; a few compressed bytes can expand to gigabytes.

    Raises:
        CassetteError: the decompressed body would exceed the limit.
    """
    other_headers = {name: value for name, value in headers.items() if name.lower() != "content-encoding"}
    encoding = next((value for name, value in headers.items() if name.lower() == "content-encoding"), "")
    if not encoding or not body:
        return other_headers, body
    response = urllib3.HTTPResponse(io.BytesIO(body), headers={"Content-Encoding": encoding}, preload_content=False)
    try:
        content = response.read(limit + 1, decode_content=True)
    except urllib3.exceptions.HTTPError:
        return other_headers, body
    if len(content) > limit:
        raise CassetteError(f"a body with Content-Encoding: {encoding} is too large when it is unpacked")
    return other_headers, content

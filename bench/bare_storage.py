"""The baseline of ``files.py``: a starlette route that stores one blob, and checks nothing.

Run as ``bare_storage.py PORT FILE [md5]``; with ``md5`` each response to a block has its MD5, like the emulator's.
"""

import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

PORT, STAGED = int(sys.argv[1]), Path(sys.argv[2])
DONE = STAGED.with_suffix(".done")
WITH_MD5 = sys.argv[3:] == ["md5"]
STAMPS = {"etag": '"0x1"', "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT", "x-ms-version": "2025-05-05"}


async def put(request: Request) -> Response:
    headers = STAMPS | {"x-ms-request-server-encrypted": "true"}
    if request.query_params.get("comp") == "block":
        digest = hashlib.md5(usedforsecurity=False)
        with STAGED.open("ab") as file:
            async for piece in request.stream():
                file.write(piece)
                if WITH_MD5:
                    digest.update(piece)
        if WITH_MD5:
            headers["content-md5"] = base64.b64encode(digest.digest()).decode()
    elif request.query_params.get("comp") == "blocklist":
        await request.body()
        STAGED.replace(DONE)
    return Response(status_code=201, headers=headers)


async def get(request: Request) -> Response:
    size = DONE.stat().st_size
    first, _, last = request.headers.get("x-ms-range", f"bytes=0-{size - 1}").removeprefix("bytes=").partition("-")
    begin, end = int(first), min(int(last), size - 1) + 1

    def content() -> Iterator[bytes]:
        with DONE.open("rb") as file:
            file.seek(begin)
            yield file.read(end - begin)

    range_headers = {"content-range": f"bytes {begin}-{end - 1}/{size}", "content-length": str(end - begin)}
    headers = STAMPS | range_headers | {"x-ms-blob-type": "BlockBlob", "content-type": "application/octet-stream"}
    return StreamingResponse(content(), status_code=206, headers=headers)


routes = [Route("/{path:path}", put, methods=["PUT"]), Route("/{path:path}", get, methods=["GET"])]

if __name__ == "__main__":
    uvicorn.run(Starlette(routes=routes), port=PORT, http="httptools", access_log=False, log_level="error")

"""The baseline of ``emulator.py``: starlette routes that return fixed JSON, on the emulator's own server.

Run as ``bare_job.py PORT DIRECTORY``: a GET of ``/job`` returns ``document.json`` of that directory; a PUT of
``/clusters/NAME`` is accepted, and its operation has succeeded at the first poll. Nothing is checked or stored.
"""

import asyncio
import json
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from harness.emulator.listener import serve_http
from harness.emulator.paths import DataDirectory
from harness.emulator.tls import server_context

PORT, DIRECTORY = int(sys.argv[1]), Path(sys.argv[2])
DOCUMENT = json.loads((DIRECTORY / "document.json").read_text())


async def job(_request: Request) -> Response:
    return JSONResponse(DOCUMENT)


async def create(request: Request) -> Response:
    await request.json()
    poll = f"https://management.azure.com/operations/{request.path_params['name']}"
    return Response(status_code=202, headers={"azure-asyncoperation": poll})


async def operation(request: Request) -> Response:
    return JSONResponse({"id": request.url.path, "status": "Succeeded"})


ROUTES = [
    Route("/job", job),
    Route("/clusters/{name}", create, methods=["PUT"]),
    Route("/operations/{name}", operation),
]


APPLICATION = Starlette(routes=ROUTES)


async def trusting(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the routes on trusted connections, because the server drops connections that never show credentials."""
    if scope["type"] == "http":
        scope["state"]["connection"].trust()
    await APPLICATION(scope, receive, send)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", PORT), backlog=512)
    loop_factory = uvicorn.Config(Starlette(), loop="auto").get_loop_factory()
    context = server_context(DataDirectory(DIRECTORY))
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(serve_http(trusting, listener, asyncio.Event(), context))


if __name__ == "__main__":
    main()

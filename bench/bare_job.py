"""The floor that ``emulator.py`` compares with: starlette routes that return fixed JSON, behind the same TLS.

Run as ``bare_job.py PORT DIRECTORY``: a GET of ``/job`` returns ``document.json`` of that directory; a PUT of
``/clusters/NAME`` is accepted, and its operation has succeeded at the first look. Nothing is checked or kept.
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


def main() -> None:
    # As harness.emulator.serve sets up its own listener.
    config = uvicorn.Config(
        Starlette(routes=ROUTES),
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        ws="none",
    )
    config.load()
    config.ssl = server_context(DataDirectory(DIRECTORY))
    listener = socket.create_server(("127.0.0.1", PORT), backlog=512)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()

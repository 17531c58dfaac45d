"""The floor that ``emulator.py`` compares with: a starlette route that returns one JSON document, behind the same TLS.

Run as ``bare_job.py DIRECTORY``: it reads ``document.json`` there and writes ``port``.
"""

import asyncio
import json
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from harness.emulator.paths import DataDirectory
from harness.emulator.tls import server_context

DIRECTORY = Path(sys.argv[1])
DOCUMENT = json.loads((DIRECTORY / "document.json").read_text())


async def answer(_request: Request) -> JSONResponse:
    return JSONResponse(DOCUMENT)


def main() -> None:
    # As harness.emulator.serve sets up its own listener.
    config = uvicorn.Config(
        Starlette(routes=[Route("/job", answer)]),
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
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    (DIRECTORY / "port").write_text(str(listener.getsockname()[1]))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()

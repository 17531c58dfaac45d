"""``harness emulator``: the local Azure, for any Azure client."""

import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from harness.config import load_settings
from harness.emulator import launch
from harness.emulator.endpoint import Endpoint
from harness.emulator.options import ACCOUNTS_VARIABLE, ONLY, Images, Options, parse_account, parse_accounts
from harness.errors import EmulatorError

app = typer.Typer(help="The local Azure behind an HTTPS proxy on loopback; its storage on plain ports, too.")

DEFAULT_DIRECTORY = Path(".harness/emulator")
Directory = Annotated[Path, typer.Option("--dir", help="Data directory; one emulator serves it at a time.")]


@app.command()
def start(
    *,
    directory: Directory = DEFAULT_DIRECTORY,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the HTTPS proxy; 0 takes a free one.")] = 0,
    only: Annotated[
        str, typer.Option(metavar="storage", help="Serve nothing else, with the well-known development account.")
    ] = "",
    account: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:KEY",
            help=f"A storage account to have besides the first one; may be repeated, or in {ACCOUNTS_VARIABLE}.",
        ),
    ] = None,
    file_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of Azure Files on plain HTTP; 0 takes a free one.")
    ] = 0,
    blob_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of blob storage on plain HTTP; 0 takes a free one.")
    ] = 0,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background.")] = False,
    pace: Annotated[
        float,
        typer.Option(min=0, help="Of what took the service its time: 1 is its own, 0 takes none that it can spare."),
    ] = 0.0,
    images: Annotated[Images, typer.Option(help="What becomes of jobs that ask for a container image.")] = "host",
) -> None:
    """Start it, in the foreground until Ctrl-C, or in the background."""
    if only and only not in ONLY:
        raise EmulatorError(f"--only {only}: the emulator can be told to serve alone: {', '.join(ONLY)}")
    accounts = (*map(parse_account, account or ()), *parse_accounts(os.environ.get(ACCOUNTS_VARIABLE, "")))
    options = Options(
        directory,
        port,
        only=only,
        file_port=file_port,
        blob_port=blob_port,
        accounts=accounts,
        pace=pace,
        images=images,
        cntk_python=load_settings(Path()).cntk_python,
    )
    if detach:
        _show(launch.start_detached(options), err=True)
        return
    from harness.emulator.serve import log_to_stderr, serve

    log_to_stderr()
    typer.echo(f"serving {directory.absolute()}; Ctrl-C stops it", err=True)
    serve(options)


@app.command()
def stop(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Stop it; what it holds stays in its directory."""
    typer.echo("stopped" if launch.stop(directory) else f"no emulator serves {directory}", err=True)


@app.command()
def status(directory: Directory = DEFAULT_DIRECTORY) -> int:
    """Say whether it runs, and where it answers; exit code 1 when it does not."""
    endpoint = launch.find(directory)
    if endpoint is None:
        typer.echo(f"no emulator serves {directory}; start one with: harness emulator start --detach", err=True)
        return 1
    _show(endpoint)
    return 0


@app.command()
def env(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Print the shell commands that point Azure clients at it: eval "$(harness emulator env)"."""
    endpoint = launch.find(directory)
    if endpoint is None:
        raise EmulatorError(f"no emulator serves {directory}; start one with: harness emulator start --detach")
    for name, value in endpoint.environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def reset(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Forget everything: stop it and delete its data directory."""
    launch.stop(directory)
    if directory.exists() and not (directory / "lock").exists():
        raise EmulatorError(f"{directory} is not an emulator's data directory; nothing was deleted")
    shutil.rmtree(directory, ignore_errors=True)
    typer.echo(f"{directory} is empty", err=True)


def _show(endpoint: Endpoint, *, err: bool = False) -> None:
    typer.echo(f"emulator    {endpoint.proxy_url} (process {endpoint.pid})", err=err)
    typer.echo(f"directory   {endpoint.directory}", err=err)
    typer.echo(f"authority   {endpoint.ca_path}", err=err)
    typer.echo(f"files       {endpoint.file_url}/{endpoint.storage_account}", err=err)
    typer.echo(f"blobs       {endpoint.blob_url}/{endpoint.storage_account}", err=err)
    if endpoint.only:  # the key of a whole emulator is secret: only ``env`` gives it out
        typer.echo(f"connection  {endpoint.connection_string}", err=err)

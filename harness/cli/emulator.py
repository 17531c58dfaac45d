"""``harness emulator``: the local Azure, for any Azure client."""

import shlex
import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.config import load_settings
from harness.emulator import launch
from harness.emulator.behaviour import Behaviour
from harness.emulator.endpoint import Endpoint
from harness.emulator.serve import Options, log_to_stderr, serve
from harness.errors import EmulatorError

app = typer.Typer(help="The local Azure: sign-in, Resource Manager, behind an HTTPS proxy on loopback.")

DEFAULT_DIRECTORY = Path(".harness/emulator")
Directory = Annotated[Path, typer.Option("--dir", help="Data directory; one emulator serves it at a time.")]


@app.command()
def start(
    directory: Directory = DEFAULT_DIRECTORY,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the HTTPS proxy; 0 takes a free one.")] = 0,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background.")] = False,
    pace: Annotated[
        float,
        typer.Option(min=0, help="Of what took the service its time: 1 is its own, 0 takes none that it can spare."),
    ] = 0.0,
    images: Annotated[
        Literal["host", "refuse"], typer.Option(help="What becomes of jobs that ask for a container image.")
    ] = "host",
) -> None:
    """Start it, in the foreground until Ctrl-C, or in the background."""
    behaviour = Behaviour(pace, images, load_settings(Path()).cntk_python)
    if detach:
        _show(launch.start_detached(directory, port=port, behaviour=behaviour), err=True)
        return
    log_to_stderr()
    typer.echo(f"serving {directory.absolute()}; Ctrl-C stops it", err=True)
    serve(Options(directory, port, behaviour=behaviour))


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
    typer.echo(f"account     {endpoint.storage_account}", err=err)

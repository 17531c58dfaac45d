"""``harness emulator stop``, ``status``, ``env`` and ``reset``: commands for a running emulator."""

import shlex
from pathlib import Path

import click

from harness.cli.groups import CONTEXT
from harness.cli.options import directory_option
from harness.cli.output import say
from harness.emulator import launch
from harness.emulator.endpoint import Endpoint
from harness.emulator.reset import reset as reset_directory
from harness.errors import EmulatorError


@click.command(context_settings=CONTEXT)
@directory_option
def stop(directory: Path) -> None:
    """Stop an emulator; it keeps its data."""
    say("stopped" if launch.stop(directory) else f"no emulator serves {directory}", err=True)


@click.command(context_settings=CONTEXT)
@directory_option
def status(directory: Path) -> int:
    """Show whether an emulator runs, and its addresses; the exit code is 1 when none runs."""
    endpoint = launch.find(directory)
    if endpoint is None:
        say(f"no emulator serves {directory}; start one with: harness emulator start --detach", err=True)
        return 1
    show(endpoint)
    return 0


@click.command(context_settings=CONTEXT)
@click.option("--application", metavar="NAME", default="", help="Sign in as this application; default: the first one.")
@click.option("--by-proxy", is_flag=True, help="With --only storage: also use Azure's host names and sign-in.")
@click.option(
    "--host",
    metavar="NAME",
    help="Print commands for another machine, which reaches this one by NAME; needs --authority.",
)
@click.option("--authority", metavar="FILE", help="The authority's certificate, as a path on that machine.")
@directory_option
def env(*, application: str, by_proxy: bool, host: str | None, authority: str | None, directory: Path) -> None:
    """Print the shell commands that point Azure clients at an emulator.

    \b
    Examples:
      eval "$(harness emulator env)"
      eval "$(harness emulator env --application reader)"
      harness emulator env --host lab.example --authority /etc/ca.pem
    """
    endpoint = running(directory)
    if host and authority:
        endpoint = endpoint.for_host(host, authority)
    elif host or authority:
        raise EmulatorError(
            "--host NAME and --authority FILE need each other: the name by which another machine reaches this one, and "
            f"the path of its copy of {endpoint.ca_path}"
        )
    for name, value in endpoint.environment(application, by_proxy=by_proxy).items():
        say(f"export {name}={shlex.quote(value)}")


@click.command(context_settings=CONTEXT)
@directory_option
def reset(directory: Path) -> None:
    """Stop an emulator, end the jobs that run in it, and delete its data directory.

    A directory that holds any file that an emulator did not create is refused, and nothing in it is changed.
    """
    reset_directory(directory)
    say(f"{directory} is empty", err=True)


def running(directory: Path) -> Endpoint:
    """Return the endpoint of the emulator that serves a directory.

    Raises:
        EmulatorError: no emulator serves it.
    """
    endpoint = launch.find(directory)
    if endpoint is None:
        raise EmulatorError(f"no emulator serves {directory}; start one with: harness emulator start --detach")
    return endpoint


def show(endpoint: Endpoint, *, err: bool = False) -> None:
    """Print the addresses of an emulator."""
    for line in endpoint.lines():
        say(line, err=err)

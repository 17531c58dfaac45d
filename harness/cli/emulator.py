"""``harness emulator``: the local Azure, for any Azure client."""

import os
import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.faults import fault_plans, lines
from harness.cli.output import say
from harness.config import load_settings
from harness.emulator import launch
from harness.emulator.endpoint import Endpoint
from harness.emulator.leftovers import end_jobs
from harness.emulator.options import (
    ACCOUNTS_VARIABLE,
    ONLY,
    Images,
    Options,
    parse_account,
    parse_accounts,
    parse_faults,
)
from harness.errors import EmulatorError
from harness.fault_plans import FAULTS, parse_words

app = typer.Typer(help="The local Azure behind an HTTPS proxy on loopback; its storage on plain ports, too.")
faults = typer.Typer(no_args_is_help=True, help="What clouds do to their clients, on demand: docs/faults.md.")
app.add_typer(faults, name="faults")

_FAULTS = f"Faults: {', '.join(FAULTS)}."
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
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="FAULT=RATE", help=f"What strikes for as long as it serves; may be repeated. {_FAULTS}"),
    ] = None,
    fault_seed: Annotated[int, typer.Option(help="Decides, with the requests, when faults strike.")] = 0,
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
        faults=parse_faults(fault or (), fault_seed),
        cntk_python=load_settings(Path()).cntk_python,
    )
    if detach:
        _show(launch.start_detached(options), err=True)
        return
    from harness.emulator.serve import log_to_stderr, serve

    log_to_stderr()
    say(f"serving {directory.absolute()}; Ctrl-C stops it", err=True)
    serve(options)


@app.command()
def stop(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Stop it; what it holds stays in its directory."""
    say("stopped" if launch.stop(directory) else f"no emulator serves {directory}", err=True)


@app.command()
def status(directory: Directory = DEFAULT_DIRECTORY) -> int:
    """Say whether it runs, and where it answers; exit code 1 when it does not."""
    endpoint = launch.find(directory)
    if endpoint is None:
        say(f"no emulator serves {directory}; start one with: harness emulator start --detach", err=True)
        return 1
    _show(endpoint)
    return 0


@app.command()
def env(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Print the shell commands that point Azure clients at it: eval "$(harness emulator env)"."""
    endpoint = _running(directory)
    for name, value in endpoint.environment().items():
        say(f"export {name}={shlex.quote(value)}")


@app.command()
def reset(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Forget everything: stop it, end the jobs that run in it, and delete its data directory."""
    launch.stop(directory)
    if directory.exists() and not (directory / "lock").exists():
        raise EmulatorError(f"{directory} is not an emulator's data directory; nothing was deleted")
    end_jobs(directory.absolute())  # a job outlives its emulator, but not the files that it works on
    shutil.rmtree(directory, ignore_errors=True)
    say(f"{directory} is empty", err=True)


@faults.command("set")
def set_faults(
    *,
    rates: Annotated[list[str], typer.Argument(metavar="FAULT=RATE...", help=f"Rates are 0 to 1. {_FAULTS}")],
    seed: Annotated[int, typer.Option(help="Decides, with the requests, when.")] = 0,
    times: Annotated[int | None, typer.Option(min=1, help="The most that each strikes.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="How long those last that have a duration.")] = None,
    group: Annotated[str, typer.Option(help="Only in this resource group.")] = "",
    share: Annotated[str, typer.Option(help="Only on this share.")] = "",
    name: Annotated[str, typer.Option(help="Of the plan; it takes the place of one of the same name.")] = "default",
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Put faults in force, until they are cleared."""
    scope = {key: value for key, value in (("group", group), ("share", share)) if value}
    plan = {"seed": seed, "faults": parse_words(rates, times=times, seconds=seconds), "scope": scope}
    with fault_plans(_running(directory)) as plans:
        say("\n".join(lines(plans.put(name, plan))))


@faults.command("show")
def show_faults(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Say what is in force, and how often it has struck."""
    with fault_plans(_running(directory)) as plans:
        found = plans.all()
    for plan in found:
        say("\n".join(lines(plan)))
    if not found:
        say("no faults are in force; set some with: harness emulator faults set throttle=0.3", err=True)


@faults.command("clear")
def clear_faults(
    name: Annotated[str, typer.Option(help="Of one plan; default: all.")] = "", directory: Directory = DEFAULT_DIRECTORY
) -> None:
    """End faults. A node that never boots stays as it is; what the plans caused is not undone."""
    with fault_plans(_running(directory)) as plans:
        known = [plan["name"] for plan in plans.all()]
        if name and name not in known:
            raise EmulatorError(f"there is no fault plan {name!r}; in force: {', '.join(known) or 'none'}")
        for each in [name] if name else known:
            plans.delete(each)
            say(f"cleared {each}", err=True)


def _running(directory: Path) -> Endpoint:
    endpoint = launch.find(directory)
    if endpoint is None:
        raise EmulatorError(f"no emulator serves {directory}; start one with: harness emulator start --detach")
    return endpoint


def _show(endpoint: Endpoint, *, err: bool = False) -> None:
    say(f"emulator    {endpoint.proxy_url} (process {endpoint.pid})", err=err)
    say(f"directory   {endpoint.directory}", err=err)
    say(f"authority   {endpoint.ca_path}", err=err)
    say(f"files       {endpoint.file_url}/{endpoint.storage_account}", err=err)
    say(f"blobs       {endpoint.blob_url}/{endpoint.storage_account}", err=err)
    if endpoint.only:  # the key of a whole emulator is secret: only ``env`` gives it out
        say(f"connection  {endpoint.connection_string}", err=err)

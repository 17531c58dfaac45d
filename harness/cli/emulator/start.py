"""``harness emulator start``."""

import os
from pathlib import Path
from typing import Any, get_args

import click

from harness.cli.emulator.control import show
from harness.cli.groups import CONTEXT
from harness.cli.options import PATH, PORT, directory_option
from harness.cli.output import say
from harness.config import load_settings
from harness.emulator import launch
from harness.emulator.option_texts import ACCOUNT_SKUS, REFUSAL_CODES, parse_account, parse_accounts, read_options
from harness.emulator.options import ACCOUNTS_VARIABLE, LOOPBACK, MANAGED_IDENTITIES, ONLY, Images
from harness.errors import EmulatorError
from harness.fault_vocabulary import FAULTS
from harness.request_entry import LOG_NAME

_FAULT_HELP = f"A fault that strikes while the emulator runs; repeatable. Faults: {', '.join(FAULTS)}."

_DEFAULT_PORT = "default that of the last start, or {}, or any free one; 0 for any."
_TENANT_HELP = "A further tenant to sign in to, whose tokens are refused as another tenant's; repeatable."


@click.command(context_settings=CONTEXT)
@directory_option
@click.option("--port", metavar="PORT", type=PORT, help="Port of the proxy; default that of the last start, or any.")
@click.option("--only", metavar="storage", default="", help="Serve storage alone, with the public development account.")
@click.option(
    "accounts",
    "--account",
    metavar="NAME:KEY[:SKU]",
    multiple=True,
    help=f"A further storage account, of the SKU {' or '.join(ACCOUNT_SKUS)}; repeatable, or in {ACCOUNTS_VARIABLE}.",
)
@click.option("--file-port", metavar="PORT", type=PORT, help=f"Port of Azure Files; {_DEFAULT_PORT.format(10004)}")
@click.option("--blob-port", metavar="PORT", type=PORT, help=f"Port of blob storage; {_DEFAULT_PORT.format(10000)}")
@click.option(
    "--https/--no-https",
    default=None,
    help="Whether the ports of storage speak TLS, with the emulator's own authority; default they do not.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    default=LOOPBACK,
    show_default=True,
    help="Where to listen; 0.0.0.0 for every address of the machine. Credentials are always needed, and TLS unless "
    "--no-https says otherwise.",
)
@click.option("--development-key", is_flag=True, help="With --listen: keep the well-known key, which everybody knows.")
@click.option(
    "host_names",
    "--host-name",
    metavar="NAME",
    multiple=True,
    help="A name by which clients at the plain ports call this machine; repeatable. Names of loopback always work.",
)
@click.option(
    "applications",
    "--application",
    metavar="NAME=ROLE,...",
    multiple=True,
    help="An application with roles of its own: owner, contributor, reader, none, or Azure's names; repeatable.",
)
@click.option("--seed", metavar="DIR", type=PATH, help="Begin with its file/SHARE/... and blob/CONTAINER/...")
@click.option(
    "--copy-delay",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=0.0,
    help="How long each copy of a file or blob is pending; default not at all.",
)
@click.option("--log/--no-log", default=True, help="Log requests for 'harness emulator log'; default they are.")
@click.option(
    "--managed-identity",
    type=click.Choice(MANAGED_IDENTITIES),
    help="Have the endpoint from which code on Azure gets tokens; with imds every user of this machine can.",
)
@click.option("tenants", "--tenant", metavar="GUID", multiple=True, help=_TENANT_HELP)
@click.option("--detach", is_flag=True, help="Run in the background.")
@click.option(
    "--pace",
    metavar="N",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Speed of simulated provisioning: 1 is Azure's, 0 (the default) as fast as possible.",
)
@click.option(
    "--compute",
    metavar="NAME[:ADDRESS]",
    default="process",
    show_default=True,
    help="Where jobs run: process, container, ray[:HOST:PORT] or another package's back end; "
    "the tag harness-compute of a cluster or of its workspace says otherwise.",
)
@click.option(
    "--images",
    type=click.Choice(get_args(Images)),
    default=None,
    help="Run jobs whose container image cannot be run on this host, or refuse them; without containers, host.",
)
@click.option(
    "image_map",
    "--image",
    metavar="OLD=NEW",
    multiple=True,
    help="Run another container image in place of one that is gone; OLD may hold *. Repeatable.",
)
@click.option("--container-user", metavar="USER[:GROUP]", default="", help="Whom containers run as.")
@click.option("faults", "--fault", metavar="FAULT=RATE", multiple=True, help=_FAULT_HELP)
@click.option("--fault-seed", metavar="N", type=int, default=0, help="Seed of the faults; default 0.")
@click.option(
    "quotas",
    "--quota",
    metavar="FAMILY=CORES",
    multiple=True,
    help="Dedicated cores that Azure ML's computes may have of a family; repeatable. 0 is a fresh subscription's.",
)
@click.option(
    "missing_sizes", "--missing-size", metavar="SIZE", multiple=True, help="A size that no region has; repeatable."
)
@click.option(
    "--refuse-keys",
    metavar="CODE",
    help=f"Refuse Azure ML's datastores that have an account key, with this code: {REFUSAL_CODES}.",
)
def start(
    *,
    directory: Path,
    only: str,
    accounts: tuple[str, ...],
    seed: Path | None,
    log: bool,
    managed_identity: str | None,
    images: Images | None,
    image_map: tuple[str, ...],
    detach: bool,
    **words: Any,
) -> None:
    """Start an emulator, in the foreground until Ctrl-C, or in the background.

    \b
    Examples:
      harness emulator start --detach
      harness emulator start --only storage --file-port 10010
      harness emulator start --fault throttle=0.3 --fault drop=0.1
      harness emulator start --quota NCASv3_T4=0
    """
    if only and only not in ONLY:
        raise EmulatorError(f"--only {only}: the emulator can serve alone: {', '.join(ONLY)}")
    settings = load_settings(Path())
    options = read_options(
        directory,
        only=only,
        accounts=(*map(parse_account, accounts), *parse_accounts(os.environ.get(ACCOUNTS_VARIABLE, ""))),
        seed=seed.absolute() if seed else None,
        log=directory.absolute() / LOG_NAME if log else None,
        managed_identity=managed_identity or "",
        images=images or "",
        image_map=(*image_map, *(f"{old}={new}" for old, new in settings.container_images.items())),
        cntk_python=settings.cntk_python,
        **words,
    )
    if detach:
        show(launch.start_detached(options), err=True)
        return
    say(f"serving {directory.absolute()}; Ctrl-C stops it", err=True)
    launch.become(options)

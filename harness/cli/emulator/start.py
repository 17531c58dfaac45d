"""``harness emulator start``: start an emulator in the foreground or in the background."""

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

_FAULT_HELP = f"Inject a fault at this rate; repeatable. Faults: {', '.join(FAULTS)}."

_DEFAULT_PORT = "default: that of the last start, else {}, else any free port; 0 for any free port."
_TENANT_HELP = "A further tenant that issues tokens, which requests to the first tenant refuse; repeatable."


@click.command(context_settings=CONTEXT)
@directory_option
@click.option("--port", metavar="PORT", type=PORT, help="Port of the proxy; default: that of the last start, else any.")
@click.option("--only", metavar="storage", default="", help="Serve storage alone, with the public development account.")
@click.option(
    "accounts",
    "--account",
    metavar="NAME:KEY[:SKU]",
    multiple=True,
    help=f"A further storage account; SKU: {' or '.join(ACCOUNT_SKUS)}; repeatable, or set {ACCOUNTS_VARIABLE}.",
)
@click.option("--file-port", metavar="PORT", type=PORT, help=f"Port of Azure Files; {_DEFAULT_PORT.format(10004)}")
@click.option("--blob-port", metavar="PORT", type=PORT, help=f"Port of blob storage; {_DEFAULT_PORT.format(10000)}")
@click.option(
    "--https/--no-https",
    default=None,
    help="Whether the storage ports use TLS, with a certificate of the emulator's authority; default: no.",
)
@click.option(
    "--listen",
    metavar="ADDRESS",
    default=LOOPBACK,
    show_default=True,
    help="Address to listen on; 0.0.0.0 for every address of the machine. Clients always need credentials, and TLS "
    "unless --no-https is given.",
)
@click.option(
    "--development-key", is_flag=True, help="With --listen: keep the development account's key, which is public."
)
@click.option(
    "host_names",
    "--host-name",
    metavar="NAME",
    multiple=True,
    help="A name of this machine that clients may use on the plain ports; repeatable. Loopback names always work.",
)
@click.option(
    "applications",
    "--application",
    metavar="NAME=ROLE,...",
    multiple=True,
    help="A further application and its roles: owner, contributor, reader, none, or names of Azure's; repeatable.",
)
@click.option(
    "--seed", metavar="DIR", type=PATH, help="Load initial data from DIR/file/SHARE/... and DIR/blob/CONTAINER/..."
)
@click.option(
    "--copy-delay",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=0.0,
    help="How long each copy of a file or blob stays pending; default: 0.",
)
@click.option(
    "--log/--no-log", default=True, help="Whether requests are logged for 'harness emulator log'; default: yes."
)
@click.option(
    "--managed-identity",
    type=click.Choice(MANAGED_IDENTITIES),
    help="Serve a managed identity endpoint, which issues tokens; with imds, to every user of this machine.",
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
    "the tag harness-compute of a cluster or of its workspace overrides it.",
)
@click.option(
    "--images",
    type=click.Choice(get_args(Images)),
    default=None,
    help="Jobs whose container image cannot be run: run them on the host, or refuse them; default without containers: "
    "host.",
)
@click.option(
    "image_map",
    "--image",
    metavar="OLD=NEW",
    multiple=True,
    help="Run container image NEW in place of OLD, which no longer exists; OLD may contain *. Repeatable.",
)
@click.option("--container-user", metavar="USER[:GROUP]", default="", help="The user that containers run as.")
@click.option("faults", "--fault", metavar="FAULT=RATE", multiple=True, help=_FAULT_HELP)
@click.option("--fault-seed", metavar="N", type=int, default=0, help="Seed of the faults; default: 0.")
@click.option(
    "quotas",
    "--quota",
    metavar="FAMILY=CORES",
    multiple=True,
    help="Quota of dedicated cores of a VM family for Azure ML's computes; repeatable. A new subscription has 0.",
)
@click.option(
    "missing_sizes",
    "--missing-size",
    metavar="SIZE",
    multiple=True,
    help="A VM size that no region offers; repeatable.",
)
@click.option(
    "--refuse-keys",
    metavar="CODE",
    help=f"Refuse Azure ML's datastores that use an account key, with this error code: {REFUSAL_CODES}.",
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
    **texts: Any,
) -> None:
    """Start an emulator, in the foreground until Ctrl-C, or with --detach in the background.

    \b
    Examples:
      harness emulator start --detach
      harness emulator start --only storage --file-port 10010
      harness emulator start --fault throttle=0.3 --fault drop=0.1
      harness emulator start --quota NCASv3_T4=0
    """
    if only and only not in ONLY:
        raise EmulatorError(f"--only {only}: the only service that can run alone is {', '.join(ONLY)}")

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
        **texts,
    )
    if detach:
        show(launch.start_detached(options), err=True)
        return
    say(f"serving {directory.absolute()}; Ctrl-C stops it", err=True)
    launch.exec_server(options)

"""The command line of ``python -m harness.emulator``."""

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from harness.emulator.bounded_log import bound_own_log
from harness.emulator.option_texts import parse_accounts, read_options
from harness.emulator.options import ACCOUNTS_VARIABLE, LOOPBACK, MANAGED_IDENTITIES, ONLY, Images
from harness.emulator.serve import log_to_stderr, serve
from harness.emulator.subscription_limits import KEY_REFUSALS
from harness.errors import EmulatorError

_REPEATED = (  # options, the fields of Options that they fill, and their help texts
    ("--image", "image_map", "OLD=NEW: run the image NEW in place of OLD"),
    ("--fault", "faults", "a fault to inject and its rate: throttle=0.3"),
    ("--host-name", "host_names", "a name of this machine that clients use at the plain ports"),
    ("--application", "applications", "an additional application: NAME=ROLE,ROLE"),
    ("--tenant", "tenants", "an additional tenant that applications can sign in to"),
    ("--quota", "quotas", "dedicated cores of a VM family: NCASv3_T4=0"),
    ("--missing-size", "missing_sizes", "a VM size that no region offers"),
)


def main() -> int:
    """Serve a data directory; the exit code is 0 after a stop, and 2 if the emulator cannot serve."""
    arguments = vars(_parser().parse_args())
    if arguments.pop("detach") and (waiter := _detach()) is not None:
        return waiter
    bound_own_log(arguments["directory"])
    log_to_stderr()
    try:
        serve(read_options(accounts=parse_accounts(os.environ.get(ACCOUNTS_VARIABLE, "")), **arguments))
    except EmulatorError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    """The parser of the arguments that ``Options.arguments`` writes; each option has the name of its field there."""
    parser = argparse.ArgumentParser(prog="python -m harness.emulator", description="A local Azure.")
    parser.add_argument("--dir", dest="directory", type=Path, required=True, help="data directory; created if missing")
    parser.add_argument("--port", type=int, help="port of the HTTPS proxy (default: the last one, or a free one)")
    parser.add_argument("--only", choices=["", *ONLY], default="", help="serve only this part")
    parser.add_argument("--file-port", type=int, help="port of files (default: the last one, 10004, or a free one)")
    parser.add_argument("--blob-port", type=int, help="port of blobs (default: the last one, 10000, or a free one)")
    parser.add_argument("--listen", default=LOOPBACK, help="address of all three ports (default: 127.0.0.1)")
    parser.add_argument(
        "--https", action=argparse.BooleanOptionalAction, help="whether the storage ports use TLS (default: no)"
    )
    parser.add_argument("--development-key", action="store_true", help="accept the well-known key beyond loopback, too")
    parser.add_argument("--detach", action="store_true", help="serve in the background; return once it is ready")
    parser.add_argument("--guarded", action="store_true", help="stop when standard input ends")
    parser.add_argument("--pace", type=float, default=0.0, help="speed of provisioning; 1 is Azure's (default: 0)")
    parser.add_argument("--compute", default="process", help="back end that runs jobs: NAME or NAME:ADDRESS")
    parser.add_argument("--images", choices=get_args(Images), default="", help="what becomes of jobs with a container")
    parser.add_argument("--container-user", default="", help="user that containers run as")
    parser.add_argument("--fault-seed", type=int, default=0, help="seed of the injected faults (default: 0)")
    parser.add_argument("--cntk-python", type=Path, help="Python interpreter of CNTK jobs")
    parser.add_argument("--copy-delay", type=float, default=0.0, help="seconds for which each copy is pending")
    parser.add_argument("--seed", type=Path, help="directory with initial content, in file/SHARE and blob/CONTAINER")
    parser.add_argument("--until", type=int, default=0, help="stop when the process of this id ends")
    parser.add_argument("--log", type=Path, help="file in which requests are logged (default: none)")
    parser.add_argument(
        "--managed-identity", choices=["", *MANAGED_IDENTITIES], default="", help="managed identity endpoint to serve"
    )
    parser.add_argument("--refuse-keys", choices=KEY_REFUSALS, help="refuse account keys of datastores with this code")
    for option, member, meaning in _REPEATED:
        parser.add_argument(option, dest=member, action="append", default=[], help=meaning)
    return parser


def _detach() -> int | None:
    """Fork and leave the terminal: None in the process that serves, the exit code in the process that waits."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        os.setsid()
        os.dup2(writing, sys.stdout.fileno())
        os.close(writing)
        return None
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        return 0 if answer.readline() else EmulatorError.exit_code

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

_REPEATED = (  # options, the members of Options that they fill, and what they mean
    ("--image", "image_map", "OLD=NEW: the image to run in place of another"),
    ("--fault", "faults", "what strikes, and its rate: throttle=0.3"),
    ("--host-name", "host_names", "by which clients at plain ports call us"),
    ("--application", "applications", "to have besides the first: NAME=ROLE,ROLE"),
    ("--tenant", "tenants", "in which applications can sign in, too"),
    ("--quota", "quotas", "dedicated cores of a family: NCASv3_T4=0"),
    ("--missing-size", "missing_sizes", "a size that no region has"),
)


def main() -> int:
    """Serve; 0 after a stop, 2 when it cannot."""
    words = vars(_parser().parse_args())
    if words.pop("detach") and (waiter := _detach()) is not None:
        return waiter
    bound_own_log(words["directory"])
    log_to_stderr()
    try:
        serve(read_options(accounts=parse_accounts(os.environ.get(ACCOUNTS_VARIABLE, "")), **words))
    except EmulatorError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    """The words that ``Options.words`` writes; each is named for the member of ``Options`` that it fills."""
    parser = argparse.ArgumentParser(prog="python -m harness.emulator", description="A local Azure.")
    parser.add_argument("--dir", dest="directory", type=Path, required=True, help="data directory, made when missing")
    parser.add_argument("--port", type=int, help="of the HTTPS proxy (default: that of the last start, or a free one)")
    parser.add_argument("--only", choices=["", *ONLY], default="", help="serve nothing else")
    parser.add_argument("--file-port", type=int, help="of files (default: that of the last start, 10004, a free one)")
    parser.add_argument("--blob-port", type=int, help="of blobs (default: that of the last start, 10000, a free one)")
    parser.add_argument("--listen", default=LOOPBACK, help="address of all three (default: 127.0.0.1)")
    parser.add_argument(
        "--https", action=argparse.BooleanOptionalAction, help="whether the ports of storage speak TLS (default: no)"
    )
    parser.add_argument("--development-key", action="store_true", help="the well-known key also beyond loopback")
    parser.add_argument("--detach", action="store_true", help="go on in the background; end when it is ready")
    parser.add_argument("--guarded", action="store_true", help="stop when standard input ends")
    parser.add_argument("--pace", type=float, default=0.0, help="of what took the service its time (default: 0)")
    parser.add_argument("--compute", default="process", help="where jobs run: NAME or NAME:ADDRESS")
    parser.add_argument("--images", choices=get_args(Images), default="", help="of jobs that ask for a container")
    parser.add_argument("--container-user", default="", help="whom containers run as")
    parser.add_argument("--fault-seed", type=int, default=0, help="decides, with the requests, when (default: 0)")
    parser.add_argument("--cntk-python", type=Path, help="interpreter for CNTK jobs")
    parser.add_argument("--copy-delay", type=float, default=0.0, help="seconds for which copies of files are pending")
    parser.add_argument("--seed", type=Path, help="directory with file/SHARE and blob/CONTAINER to begin with")
    parser.add_argument("--until", type=int, default=0, help="stop when the process of this id ends")
    parser.add_argument("--log", type=Path, help="file in which requests are logged (default: none)")
    parser.add_argument("--managed-identity", choices=["", *MANAGED_IDENTITIES], default="", help="an endpoint to have")
    parser.add_argument("--refuse-keys", choices=KEY_REFUSALS, help="of datastores, with this code")
    for option, member, meaning in _REPEATED:
        parser.add_argument(option, dest=member, action="append", default=[], help=meaning)
    return parser


def _detach() -> int | None:
    """Leave the terminal: None in the process that serves, its launcher's exit code in the one that waits."""
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

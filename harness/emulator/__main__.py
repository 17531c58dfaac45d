"""``python -m harness.emulator``: serve one data directory in the foreground."""

import argparse
import os
import sys
from pathlib import Path
from typing import get_args

from harness.emulator.options import (
    ACCOUNTS_VARIABLE,
    LOOPBACK,
    MANAGED_IDENTITIES,
    ONLY,
    Images,
    Options,
    check_compute,
    parse_accounts,
    parse_application,
    parse_faults,
    parse_host_name,
    parse_image,
    parse_limit,
    parse_listen,
    parse_tenant,
)
from harness.emulator.serve import log_to_stderr, serve
from harness.emulator.subscription_limits import KEY_REFUSALS
from harness.errors import EmulatorError


def main() -> int:
    """Serve; 0 after a stop, 2 when it cannot."""
    parser = argparse.ArgumentParser(prog="python -m harness.emulator", description="A local Azure.")
    parser.add_argument("--dir", type=Path, required=True, help="data directory, made when missing")
    parser.add_argument("--port", type=int, help="of the HTTPS proxy (default: that of the last start, or a free one)")
    parser.add_argument("--only", choices=["", *ONLY], default="", help="serve nothing else")
    parser.add_argument("--file-port", type=int, help="of files (default: that of the last start, 10004, a free one)")
    parser.add_argument("--blob-port", type=int, help="of blobs (default: that of the last start, 10000, a free one)")
    parser.add_argument("--listen", default=LOOPBACK, help="address of all three (default: 127.0.0.1)")
    parser.add_argument("--https", action="store_true", help="the ports of storage speak TLS")
    parser.add_argument("--development-key", action="store_true", help="the well-known key also beyond loopback")
    parser.add_argument("--detach", action="store_true", help="go on in the background; end when it is ready")
    parser.add_argument("--guarded", action="store_true", help="stop when standard input ends")
    parser.add_argument("--pace", type=float, default=0.0, help="of what took the service its time (default: 0)")
    parser.add_argument("--compute", default="process", help="where jobs run: NAME or NAME:ADDRESS")
    parser.add_argument("--images", choices=get_args(Images), default="", help="of jobs that ask for a container")
    parser.add_argument("--image", action="append", default=[], help="OLD=NEW: the image to run in place of another")
    parser.add_argument("--container-user", default="", help="whom containers run as")
    parser.add_argument("--fault", action="append", default=[], help="what strikes, and its rate: throttle=0.3")
    parser.add_argument("--fault-seed", type=int, default=0, help="decides, with the requests, when (default: 0)")
    parser.add_argument("--cntk-python", type=Path, help="interpreter for CNTK jobs")
    parser.add_argument("--host-name", action="append", default=[], help="by which clients at plain ports call us")
    parser.add_argument("--application", action="append", default=[], help="to have besides the first: NAME=ROLE,ROLE")
    parser.add_argument("--copy-delay", type=float, default=0.0, help="seconds for which copies of files are pending")
    parser.add_argument("--seed", type=Path, help="directory with file/SHARE and blob/CONTAINER to begin with")
    parser.add_argument("--until", type=int, default=0, help="stop when the process of this id ends")
    parser.add_argument("--log", type=Path, help="file in which requests are logged (default: none)")
    parser.add_argument("--managed-identity", choices=["", *MANAGED_IDENTITIES], default="", help="an endpoint to have")
    parser.add_argument("--tenant", action="append", default=[], help="in which applications can sign in, too")
    parser.add_argument("--quota", action="append", default=[], help="dedicated cores of a family: NCASv3_T4=0")
    parser.add_argument("--missing-size", action="append", default=[], help="a size that no region has")
    parser.add_argument("--refuse-keys", choices=KEY_REFUSALS, help="of datastores, with this code")
    words = parser.parse_args()
    if words.detach and (waiter := _detach()) is not None:
        return waiter
    log_to_stderr()
    try:
        accounts = parse_accounts(os.environ.get(ACCOUNTS_VARIABLE, ""))
        serve(
            Options(
                words.dir,
                words.port,
                guarded=words.guarded,
                only=words.only,
                file_port=words.file_port,
                blob_port=words.blob_port,
                listen=parse_listen(words.listen),
                https=words.https,
                development_key=words.development_key,
                accounts=accounts,
                pace=words.pace,
                compute=check_compute(words.compute),
                images=words.images,
                image_map=tuple(map(parse_image, words.image)),
                container_user=words.container_user,
                faults=parse_faults(words.fault, words.fault_seed),
                cntk_python=words.cntk_python,
                host_names=tuple(map(parse_host_name, words.host_name)),
                applications=tuple(map(parse_application, words.application)),
                log=words.log,
                until=words.until,
                copy_delay=words.copy_delay,
                seed=words.seed,
                managed_identity=words.managed_identity,
                tenants=tuple(map(parse_tenant, words.tenant)),
                limit=parse_limit(words.quota, words.missing_size, words.refuse_keys),
            )
        )
    except EmulatorError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


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


if __name__ == "__main__":
    sys.exit(main())

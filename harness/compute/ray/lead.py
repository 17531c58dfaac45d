"""Runs the supervisor of a job with several nodes, on its first node; uses the standard library alone.

It extends ``leash.py`` by a connection to the server on each node: its end shows the server that the job has ended.
"""

import json
import sys

from harness.compute.ray.channel import NodeLostError, send_order
from harness.compute.ray.leash import detach_from_agent, supervise


def main() -> None:
    """Execute the order on standard input; print the process id once the supervisor is started."""
    order = json.load(sys.stdin)
    handles = detach_from_agent(order["agent"])
    lifelines = []
    for host, port in order["servers"]:
        try:
            lifelines.append(send_order((host, port), bytes.fromhex(order["key"]), {"kind": "lifeline"}))
        except NodeLostError as error:  # a process that needs the node reports the error
            sys.stderr.write(f"{error}\n")
    supervise(order, handles)
    for lifeline in lifelines:
        lifeline.close()


if __name__ == "__main__":
    main()

"""Runs the supervisor of a job of several nodes, on its first one; standard library alone.

It is ``leash.py`` with a connection to the server on each node, by which those hear that the job is over.
"""

import json
import sys

from harness.compute.ray.channel import NodeLostError, send_order
from harness.compute.ray.leash import leave_agent, supervise


def main() -> None:
    """``lead.py`` with its order on standard input; prints its process id once it watches."""
    order = json.load(sys.stdin)
    handles = leave_agent(order["agent"])
    lifelines = []
    for host, port in order["servers"]:
        try:
            lifelines.append(send_order((host, port), bytes.fromhex(order["key"]), {"kind": "lifeline"}))
        except NodeLostError as error:  # who needs it will miss it, and say so
            sys.stderr.write(f"{error}\n")
    supervise(order, handles)
    for lifeline in lifelines:
        lifeline.close()


if __name__ == "__main__":
    main()

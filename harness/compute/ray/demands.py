"""The resources that nodes request from Ray, and the choice of a machine. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.compute.ray.messages import Node

NODE = "batchai-node"  # a custom resource of Ray: the number of nodes, of any size, that a machine can be


def node_demand(node: Node, total: Mapping[str, float]) -> dict[str, float]:
    """Return the resources that a node requests from Ray, by the total resources of the cluster.

    A node requests 1 of the resource with the name of its VM size, if there is one. Otherwise it requests one
    ``batchai-node``, if there are any, or else the cores of its size; in both cases also its GPUs, if Ray has any.
    """
    if total.get(node.size):
        return {node.size: 1.0}
    gpus = {"GPU": float(node.gpus)} if node.gpus and (total.get("GPU") or not total.get(NODE)) else {}
    return gpus | ({NODE: 1.0} if total.get(NODE) else {"CPU": float(max(node.cpus, 1))})


def choose_machine(bundle: Mapping[str, float], free: Mapping[str, Mapping[str, float]], cluster: Counter[str]) -> str:
    """Return the address of the fitting machine with the fewest nodes of the cluster; empty if no machine fits."""
    fitting = [machine for machine, has in free.items() if satisfies(has, [bundle])]
    return min(fitting, key=lambda machine: (cluster[machine], machine), default="")


def wait_reason(bundles: Sequence[Mapping[str, float]], available: Mapping[str, float]) -> str:
    """Return a sentence that says why nodes have no machines yet.

    Args:
        available: the free resources, summed over all machines.
    """
    requested = "; ".join(", ".join(f"{amount:g} {name}" for name, amount in bundle.items()) for bundle in bundles)
    free = {name: amount for name, amount in available.items() if any(name in bundle for bundle in bundles)}
    has = ", ".join(f"{amount:g} {name}" for name, amount in sorted(free.items())) or "none of that"
    return f"Ray has no machines for {len(bundles)} node(s) of {requested}; free now, over all machines: {has}"


def satisfies(resources: Mapping[str, float], bundles: Iterable[Mapping[str, float]]) -> bool:
    """Whether resources are sufficient for each of the bundles alone."""
    return all(resources.get(name, 0.0) >= amount for bundle in bundles for name, amount in bundle.items())

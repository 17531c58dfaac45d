"""What nodes ask Ray for, and which machine they get. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.compute.ray.messages import Node

NODE = "batchai-node"  # a custom resource of Ray: of how many nodes of any size a machine takes the place


def demand(node: Node, total: Mapping[str, float]) -> dict[str, float]:
    """What a node asks Ray for, by what Ray has in all.

    One of the resource that is named for its size, where there is one. Else one ``batchai-node`` where there are some,
    and else the cores of its size; with GPUs, as far as Ray has any.
    """
    if total.get(node.size):
        return {node.size: 1.0}
    gpus = {"GPU": float(node.gpus)} if node.gpus and (total.get("GPU") or not total.get(NODE)) else {}
    return gpus | ({NODE: 1.0} if total.get(NODE) else {"CPU": float(max(node.cpus, 1))})


def choose(bundle: Mapping[str, float], free: Mapping[str, Mapping[str, float]], cluster: Counter[str]) -> str:
    """The address of a machine that has what a node asks for, with the fewest nodes of its cluster; empty for none."""
    fitting = [machine for machine, has in free.items() if holds(has, [bundle])]
    return min(fitting, key=lambda machine: (cluster[machine], machine), default="")


def reason(bundles: Sequence[Mapping[str, float]], available: Mapping[str, float]) -> str:
    """Why nodes have no machines yet, in a sentence.

    Args:
        available: what Ray has free, over all machines.
    """
    wanted = "; ".join(", ".join(f"{amount:g} {name}" for name, amount in bundle.items()) for bundle in bundles)
    free = {name: amount for name, amount in available.items() if any(name in each for each in bundles)}
    has = ", ".join(f"{amount:g} {name}" for name, amount in sorted(free.items())) or "none of that"
    return f"Ray has no machines for {len(bundles)} node(s) of {wanted}; free now, over all machines: {has}"


def holds(resources: Mapping[str, float], bundles: Iterable[Mapping[str, float]]) -> bool:
    """Whether resources are enough for each of some bundles."""
    return all(resources.get(name, 0.0) >= amount for bundle in bundles for name, amount in bundle.items())

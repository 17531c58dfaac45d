"""Import of an AmlCompute, a file of ``az ml compute create -f``, as the cluster of a scenario."""

from typing import Any

from harness.interchange.batchai_cluster import size_of
from harness.interchange.draft import name_of
from harness.interchange.source import Source


def cluster_from_compute(source: Source) -> dict[str, Any]:
    """Return the section ``cluster`` of the scenario."""
    least, most = source.number("min_instances") or 0, source.number("max_instances") or 1
    section: dict[str, Any] = {
        "name": name_of(source.text("name") or source.path.stem, otherwise="cluster"),
        "vm_size": size_of(source, "size"),
    }
    if (source.text("tier") or "").lower().replace("_", "") == "lowpriority":
        section["priority"] = "lowpriority"
    section["nodes"] = most if least == most else {"min": least, "max": max(most, least, 1)}
    source.drop("identity", why="the service's identity is used")
    source.drop("ssh_settings", why="the nodes' administrator comes from settings")
    source.drop("network_settings", why="a scenario's cluster cannot join your network")
    source.drop("idle_time_before_scale_down", why="the nodes are deleted when the run ends")
    return section

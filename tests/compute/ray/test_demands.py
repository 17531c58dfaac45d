from collections import Counter

import pytest

from harness.compute.ray.demands import choose_machine, node_demand, wait_reason
from harness.compute.ray.messages import Node


@pytest.mark.parametrize(
    ("total", "bundle"),
    [
        ({"CPU": 8.0}, {"CPU": 6.0, "GPU": 1.0}),
        ({"CPU": 8.0, "GPU": 2.0}, {"CPU": 6.0, "GPU": 1.0}),
        ({"CPU": 8.0, "batchai-node": 4.0}, {"batchai-node": 1.0}),
        ({"CPU": 8.0, "batchai-node": 4.0, "GPU": 1.0}, {"batchai-node": 1.0, "GPU": 1.0}),
        ({"CPU": 8.0, "batchai-node": 4.0, "Standard_NC6": 2.0}, {"Standard_NC6": 1.0}),
    ],
)
def test_a_node_requests_resources_that_the_cluster_has(total: dict[str, float], bundle: dict[str, float]) -> None:
    assert node_demand(Node("n", "Standard_NC6", 6, 1), total) == bundle


def test_a_node_of_unknown_size_requests_a_processor() -> None:
    assert node_demand(Node("n", "", 0, 0), {"CPU": 8.0}) == {"CPU": 1.0}


def test_a_node_gets_the_machine_with_the_fewest_nodes_of_its_cluster() -> None:
    free = {"10.0.0.1": {"CPU": 4.0}, "10.0.0.2": {"CPU": 2.0}, "10.0.0.3": {"CPU": 1.0}}

    assert choose_machine({"CPU": 2.0}, free, Counter()) == "10.0.0.1"
    assert choose_machine({"CPU": 2.0}, free, Counter({"10.0.0.1": 1})) == "10.0.0.2"
    assert choose_machine({"CPU": 8.0}, free, Counter()) == ""


def test_the_reason_names_the_requested_and_the_free_resources() -> None:
    text = wait_reason([{"CPU": 6.0, "GPU": 1.0}], {"CPU": 2.0, "memory": 9.0})

    assert text == "Ray has no machines for 1 node(s) of 6 CPU, 1 GPU; free now, over all machines: 2 CPU"

"""The cluster of a scenario."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from harness.scenario.record import Identifier, Record, invalid_fields
from harness.scenario.resource_names import Name


def _size(value: Any) -> str:
    return "node range" if isinstance(value, dict | NodeRange) else "node count"


class NodeRange(Record):
    """An automatically scaled number of nodes."""

    min: int = Field(ge=0)
    max: int = Field(ge=1)

    @model_validator(mode="after")
    def _is_ordered(self) -> "NodeRange":
        if self.min > self.max:
            raise invalid_fields((("min",), f"min {self.min} is greater than max {self.max}"))
        return self


class SetupSpec(Record):
    """A command that runs as root on each node before the node takes jobs; a node on which it fails is unusable.

    Attributes:
        stdouterr: directory of its logs; by default the root of the first share or container.
    """

    command: str = Field(min_length=1)
    stdouterr: str | None = None
    environment: dict[Identifier, str] = Field(default_factory=dict)


class ClusterSpec(Record):
    """A GPU cluster; ``nodes`` is a fixed number or a range to scale in.

    Attributes:
        priority: ``lowpriority`` nodes cost less, and Azure may take them away.
    """

    name: Name
    vm_size: str = "STANDARD_NC6"
    priority: Literal["dedicated", "lowpriority"] = "dedicated"
    setup: SetupSpec | None = None
    nodes: Annotated[
        Annotated[int, Field(ge=1), Tag("node count")] | Annotated[NodeRange, Tag("node range")], Discriminator(_size)
    ] = 1

    @property
    def most_nodes(self) -> int:
        """How many nodes the cluster can have at once."""
        return self.nodes if isinstance(self.nodes, int) else self.nodes.max

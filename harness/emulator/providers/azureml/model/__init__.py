"""The records that the engine does not hold, and the wire form of every resource."""

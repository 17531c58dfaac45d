"""The records that the engine does not hold, and how every resource is written on the wire."""

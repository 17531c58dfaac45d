"""The decisions of the engine: pure functions over records and a time."""

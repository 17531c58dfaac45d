"""What the engine decides: pure functions over records and a moment."""

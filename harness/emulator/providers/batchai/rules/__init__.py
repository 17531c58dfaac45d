"""The rules of Batch AI: pure functions over definitions and records."""

"""What Batch AI decides: pure functions over records and a moment."""

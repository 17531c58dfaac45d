"""The operations of Batch AI: parse, one call, serialise."""

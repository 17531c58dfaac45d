"""The handlers of Batch AI's operations: each parses the request, makes one call, and serialises the result."""

"""Nodes, queues, jobs and their life, whichever service shows them: no HTTP, no API version."""

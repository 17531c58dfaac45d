"""Fault injection: failures that clouds show their clients, injected by seeded and reproducible plans."""

"""Faults on demand: what clouds do to their clients, injected by plan, seeded and reproducible."""

"""Sweeps: the space of parameters, its trials and their outcomes."""

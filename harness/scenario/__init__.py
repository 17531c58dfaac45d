"""Scenario files: YAML on disk to frozen models that remember where they came from."""

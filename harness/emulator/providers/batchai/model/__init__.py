"""The API versions: how each one reads definitions and writes resources."""

"""Azure Resource Manager: subscriptions, providers, resource groups, and the dispatch to resource providers."""

from harness.emulator.providers.arm.handlers import ResourceManager

__all__ = ["ResourceManager"]

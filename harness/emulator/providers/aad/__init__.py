"""Azure Active Directory: discovery and the client credentials grant, v1 and v2."""

from harness.emulator.providers.aad.handlers import AzureActiveDirectory
from harness.emulator.providers.aad.managed_identity import ManagedIdentities

__all__ = ["AzureActiveDirectory", "ManagedIdentities"]

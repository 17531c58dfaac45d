"""Azure Active Directory: discovery and the client credentials grant, v1 and v2."""

from harness.emulator.providers.aad.handlers import AzureActiveDirectory

__all__ = ["AzureActiveDirectory"]

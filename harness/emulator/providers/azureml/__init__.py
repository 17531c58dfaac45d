"""Microsoft.MachineLearningServices: workspaces, computes, assets and jobs over the engine."""

from harness.emulator.providers.azureml.provider import AzureML

__all__ = ["AzureML"]

"""Azure Machine Learning, over Resource Manager in its API version 2025-09-01."""

from harness.services.azureml.azureml_service import AzureMlService

__all__ = ["AzureMlService"]

"""Azure Machine Learning, over Resource Manager in its API version 2025-09-01."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.services.azureml.azureml_service import AzureMlService
    from harness.services.azureml.tagged_resources import AzureMlTaggedResources
else:
    __getattr__ = lazy_attributes(
        __name__, {"AzureMlTaggedResources": "tagged_resources", "AzureMlService": "azureml_service"}
    )

__all__ = ["AzureMlService", "AzureMlTaggedResources"]

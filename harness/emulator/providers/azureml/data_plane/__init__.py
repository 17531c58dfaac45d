"""The data plane of Azure Machine Learning, ``{region}.api.azureml.ms``: discovery, run history, artifacts, MLflow."""

from harness.emulator.providers.azureml.data_plane.host import DataPlane

__all__ = ["DataPlane"]

"""The environment of a job: an image, and a conda file."""

from typing import Any

from harness.resources.provisioning import Provisioning
from harness.services.azureml.images import environment_version
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress

_REGISTERED = "azureml:", "azureml://"


def make_environment(
    provisioning: Provisioning, workspace: WorkspaceAddress, *, image: str, conda: str | None = None
) -> str:
    """Create the environment of a job, and return its id, which depends on its content: equal ones are created once.

    Args:
        provisioning: the cloud and the run.
        workspace: the workspace that contains the environment.
        image: a container image, or the id of an existing environment of a workspace or a registry.
        conda: the conda file of packages to add to the image.

    Raises:
        HttpResponseError: the service refuses.
    """
    if image.startswith(_REGISTERED):
        return image
    identifier = f"{workspace.id}/environments/batchai-harness/versions/{environment_version(image, conda)}"
    properties: dict[str, Any] = {"image": image, "isAnonymous": True, "isArchived": False}
    if conda is not None:
        properties["condaFile"] = conda
    provisioning.clients.management(RestClient).send("PUT", identifier, body={"properties": properties})
    return identifier

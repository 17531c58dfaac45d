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
    """The id of an environment for a job, created unless one of the same content exists, since its content names it.

    Args:
        image: a container image, or the id of an existing environment of a workspace or a registry.
        conda: a conda file that adds to the image.

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

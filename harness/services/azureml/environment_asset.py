"""The environment of a job: an image, and what conda adds to it."""

from typing import Any

from harness.resources.provisioning import Provisioning
from harness.services.azureml.images import environment_version
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress

_REGISTERED = "azureml:", "azureml://"


def make_environment(
    provisioning: Provisioning, workspace: WorkspaceAddress, *, image: str, conda: str | None = None
) -> str:
    """The id of an environment for a job; it is created, or is there already, for what is in it names it.

    Args:
        image: of a container; or the id of an environment that a workspace or a registry has.
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

"""The code asset of a run's jobs: the launch script, and CNTK's API on PyTorch."""

import io
import zipfile
from pathlib import Path

import requests

from harness.errors import ProvisioningError
from harness.resources.provisioning import Provisioning
from harness.services.arm_client import document_of
from harness.services.azureml.launch_command import SCRIPT
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.workspace import WorkspaceAddress
from harness.toolkits.interpreters import JOBPATH

_FOLDER = "code"
_LAUNCH = Path(__file__).with_name("launch.sh")
_ARCHIVE = "cntk_on_pytorch.zip"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time in an archive; a fixed time makes archives reproducible


def code_id(workspace: WorkspaceAddress, suffix: str) -> str:
    """The resource id of the code of a run."""
    return f"{workspace.id}/codes/batchai-harness-{suffix}/versions/1"


def upload_code(provisioning: Provisioning, workspace: WorkspaceAddress) -> None:
    """Upload the code of a run to a container that the workspace names, unless it exists.

    Raises:
        HttpResponseError: the service refuses.
        ProvisioningError: a file cannot be uploaded.
    """
    client = provisioning.clients.management(RestClient)
    identifier = code_id(workspace, provisioning.cloud.facts.suffix)
    if client.find(identifier) is not None:
        return
    parameters = {"pendingUploadType": "TemporaryBlobReference"}
    pending = document_of(client.send("POST", f"{identifier}/startPendingUpload", body=parameters))
    reference = pending["blobReferenceForConsumption"]
    container, _, signature = str(reference["credential"]["sasUri"]).partition("?")
    for name, content in _files().items():
        _upload(provisioning, f"{container}/{_FOLDER}/{name}?{signature}", name, content)
    properties = {"codeUri": f"{container}/{_FOLDER}", "isAnonymous": True, "properties": {}}
    client.send("PUT", identifier, body={"properties": properties})


def delete_code(provisioning: Provisioning, workspace: WorkspaceAddress) -> None:
    """Delete the code of a run; no other run uses it.

    Raises:
        HttpResponseError: the service refuses.
    """
    client = provisioning.clients.management(RestClient)
    identifier = code_id(workspace, provisioning.cloud.facts.suffix)
    if client.find(identifier) is not None:
        client.send("DELETE", identifier)


def _files() -> dict[str, bytes]:
    return {SCRIPT: _LAUNCH.read_bytes(), _ARCHIVE: _archive(JOBPATH)}


def _archive(folder: Path) -> bytes:
    """Pack every module of a folder into an archive, from which Python can import."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), _LONG_AGO), path.read_bytes())
    return stream.getvalue()


def _upload(provisioning: Provisioning, address: str, name: str, content: bytes) -> None:
    headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2021-08-06"}
    try:
        response = provisioning.clients.session.put(address, data=content, headers=headers)
    except requests.RequestException as error:
        # The text of the error may contain the address, and with it the signature.
        raise ProvisioningError(f"cannot upload {name} for the jobs: {type(error).__name__}") from None
    if not response.ok:
        raise ProvisioningError(f"cannot upload {name} for the jobs: {response.status_code} {response.reason}")

"""Code, environments, data assets and models, with their versions."""

import uuid
from typing import Any

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml import errors
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.launch import output_uri
from harness.emulator.providers.azureml.model.asset import (
    CODE,
    ENVIRONMENT,
    AssetContainer,
    AssetKind,
    AssetVersion,
    container_document,
    container_key,
    version_document,
    version_key,
)
from harness.emulator.providers.azureml.model.datastore import ARTIFACTS
from harness.emulator.providers.azureml.model.job import JobDetails, artifact_folder
from harness.emulator.providers.azureml.rules.assets import (
    OutputReference,
    changed_fields,
    output_reference,
    read_asset,
)
from harness.emulator.providers.azureml.rules.bodies import AssetBody
from harness.emulator.providers.azureml.rules.names import check_asset_name
from harness.emulator.storage_service import Accounts

_PAGE_SIZE = 100  # assets on a page
_UPLOAD_HOURS = 8
_CONTAINER_MEMBERS = ("description", "tags", "properties", "isArchived")  # shared by all versions of an asset


class Assets:
    """The operations on one type of asset.

    Args:
        accounts: the storage accounts that hold uploaded code.
    """

    def __init__(self, service: Service, accounts: Accounts, kind: AssetKind) -> None:
        self._service = service
        self._accounts = accounts
        self._kind = kind

    def put(self, request: Request) -> Response:
        """Create a version, or change the changeable properties of one."""
        workspace, name, version = self._service.workspace(request), request.params["name"], request.params["version"]
        check_asset_name(self._kind.word, name)
        check_asset_name("version", version)
        body = self._service.body(request, AssetBody)
        self._resolve(workspace, body.get("properties") or {})
        properties = read_asset(self._kind, body, workspace)
        now, store = self._service.now(), self._service.repository.store
        existing = self._lookup(request, workspace)
        if existing and (changed := changed_fields(self._kind, existing, properties)):
            fields = ", ".join(f'"{field}"' for field in changed)
            raise errors.invalid(
                f"Failed to update {self._kind.word} {name} since field {fields} is immutable, "
                "try specifying a new version.",
                "ArgumentInvalid",
            )
        created = existing.created if existing else now
        asset = AssetVersion(existing.name if existing else name, version, created, now, properties)
        store.put(version_key(workspace, self._kind, name, version), asset)
        key = container_key(workspace, self._kind, name)
        if store.get(AssetContainer, key) is None:
            store.put(key, AssetContainer(name, now, now))
        is_created = existing is None or self._kind is ENVIRONMENT  # every PUT of an environment returns 201
        return self._service.document(self._document(workspace, asset), request=request if is_created else None)

    def get(self, request: Request) -> Response:
        """Show a version."""
        workspace = self._service.workspace(request)
        asset = self._lookup(request, workspace)
        if asset is None:
            raise errors.asset_not_found(self._kind.word, request.params["name"], request.params["version"])
        return self._service.document(self._document(workspace, asset))

    def list_versions(self, request: Request) -> Response:
        """The versions of an asset, the newest first; for code, optionally all versions with a given hash."""
        workspace, name = self._service.workspace(request), request.params["name"]
        prefix = version_key(workspace, self._kind, name, "")
        if self._kind is CODE and (sha256 := request.query.get("hash")):
            candidates = self._versions(f"{workspace.key}/{self._kind.type}/")
            assets = [asset for asset in candidates if _hash(asset) == (sha256, request.query.get("hashversion", ""))]
        else:
            assets = self._filter_by_view(request, self._versions(prefix))
        assets.sort(key=lambda asset: asset.created, reverse=True)
        return self._service.page(request, assets, lambda asset: self._document(workspace, asset), size=_PAGE_SIZE)

    def delete(self, request: Request) -> Response:
        """Delete a version; jobs that use it are not affected."""
        workspace = self._service.workspace(request)
        if self._lookup(request, workspace) is None:
            return Response(204)
        key = version_key(workspace, self._kind, request.params["name"], request.params["version"])
        self._service.repository.store.delete(AssetVersion, key)
        return Response(200)

    def delete_container(self, request: Request) -> Response:
        """Delete an asset with all of its versions."""
        workspace, name = self._service.workspace(request), request.params["name"]
        store, key = self._service.repository.store, container_key(workspace, self._kind, name)
        if not store.delete(AssetContainer, key):
            return Response(204)
        store.delete_all(AssetVersion, version_key(workspace, self._kind, name, ""))
        return Response(200)

    def put_container(self, request: Request) -> Response:
        """Create an asset without versions, or archive all of its versions."""
        workspace, name = self._service.workspace(request), request.params["name"]
        check_asset_name(self._kind.word, name)
        properties = self._service.body(request, AssetBody).get("properties") or {}
        properties = {member: properties[member] for member in _CONTAINER_MEMBERS if member in properties}
        store, now = self._service.repository.store, self._service.now()
        key = container_key(workspace, self._kind, name)
        existing = store.get(AssetContainer, key)
        container = replace(existing or AssetContainer(name, now, now), written=now, properties=properties)
        store.put(key, container)
        return self._service.document(
            self._container_document(workspace, container), request=None if existing else request
        )

    def get_container(self, request: Request) -> Response:
        """Show an asset."""
        workspace, name = self._service.workspace(request), request.params["name"]
        container = self._service.repository.store.get(AssetContainer, container_key(workspace, self._kind, name))
        if container is None:
            raise errors.asset_not_found(self._kind.word, name)
        return self._service.document(self._container_document(workspace, container))

    def list_containers(self, request: Request) -> Response:
        """The assets of a workspace."""
        workspace = self._service.workspace(request)
        stored = self._service.repository.store.list(AssetContainer, container_key(workspace, self._kind, ""))
        containers = [container for _, container in stored]
        return self._service.page(
            request, containers, lambda container: self._container_document(workspace, container), size=_PAGE_SIZE
        )

    def start_pending_upload(self, request: Request) -> Response:
        """Create a container for the upload of a version; return a SAS that permits uploads for eight hours."""
        workspace = self._service.workspace(request)
        details = self._service.details(workspace)
        account = details.account
        if self._accounts.get(account) is None:
            raise errors.conflict(f"The storage account {account} of the workspace was deleted.")
        container = f"{details.workspace_id[:10]}-{uuid.uuid4()}"
        self._accounts.ensure_container(account, container)
        address = f"https://{account}.blob.core.windows.net:443/{container}"
        signature = self._accounts.container_signature(account, container, permissions="rcwl", hours=_UPLOAD_HOURS)
        reference: dict[str, Any] = {
            "blobUri": address,
            "storageAccountArmId": details.storage_account,
            "credential": {"credentialType": "SAS", "sasUri": f"{address.replace(':443', '')}?{signature}"},
        }
        return self._service.document({
            "blobReferenceForConsumption": reference,
            "pendingUploadId": str(uuid.uuid4()),
            "pendingUploadType": "None",
        })  # fmt: skip

    def _resolve(self, workspace: Workspace, properties: dict[str, Any]) -> None:
        """Replace uris that name outputs of jobs by uris of datastores."""
        for name in ("modelUri", "dataUri"):
            if reference := output_reference(properties.get(name) or ""):
                properties[name] = self._output_location(workspace, reference)
                properties.setdefault("jobName", reference.job)

    def _output_location(self, workspace: Workspace, reference: OutputReference) -> str:
        details = self._service.repository.store.get(JobDetails, workspace.address.child(reference.job).key("job"))
        if reference.output in ("artifacts", "default"):
            base = f"azureml://datastores/{ARTIFACTS}/paths/{artifact_folder(reference.job)}/"
            return base + reference.path
        if details is None:
            raise errors.job_not_found(reference.job)
        if reference.output not in details.outputs:
            raise errors.invalid(f"Job output {reference.output} not found", "NoMatchingOutputFoundFromJob")
        return f"{output_uri(details, reference.output).rstrip('/')}/{reference.path}"

    def _lookup(self, request: Request, workspace: Workspace) -> AssetVersion | None:
        key = version_key(workspace, self._kind, request.params["name"], request.params["version"])
        return self._service.repository.store.get(AssetVersion, key)

    def _versions(self, prefix: str) -> list[AssetVersion]:
        return [asset for _, asset in self._service.repository.store.list(AssetVersion, prefix)]

    @staticmethod
    def _filter_by_view(request: Request, assets: list[AssetVersion]) -> list[AssetVersion]:
        view = request.query.get("listviewtype", "ActiveOnly").lower()
        if view == "all":
            return assets
        return [asset for asset in assets if bool(asset.properties.get("isArchived")) == (view == "archivedonly")]

    def _document(self, workspace: Workspace, asset: AssetVersion) -> dict[str, Any]:
        return version_document(workspace, self._kind, asset, by=self._service.author)

    def _container_document(self, workspace: Workspace, asset: AssetContainer) -> dict[str, Any]:
        versions = self._versions(version_key(workspace, self._kind, asset.name, ""))
        return container_document(workspace, self._kind, asset, versions, by=self._service.author)


def _hash(asset: AssetVersion) -> tuple[str, str]:
    properties = asset.properties.get("properties") or {}
    return properties.get("hash_sha256", ""), properties.get("hash_version", "")

"""Datastores and their secrets."""

from typing import Any

from msgspec.structs import replace

from harness.emulator.context import Request, Response
from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.arm.rules import parse_tags
from harness.emulator.providers.azureml import errors
from harness.emulator.providers.azureml.handlers.service import Service
from harness.emulator.providers.azureml.model.datastore import (
    Datastore,
    DatastoreSecret,
    datastore_key,
    first_datastores,
    wire,
)
from harness.emulator.providers.azureml.model.workspace import WorkspaceDetails
from harness.emulator.providers.azureml.rules.bodies import DatastoreBody
from harness.emulator.providers.azureml.rules.body_reading import read_texts
from harness.emulator.providers.azureml.rules.names import check_asset_name
from harness.emulator.storage_service import Accounts
from harness.emulator.subscription_limits import SubscriptionLimits

_STORE_MEMBERS = {"AzureBlob": "containerName", "AzureFile": "fileShareName"}  # by the type of datastore
_SECRETS = {"AccountKey": "key", "Sas": "sasToken"}  # the name of the secret, by the type of credentials
_PAGE_SIZE = 100  # datastores on a page


class Datastores:
    """The operations on datastores.

    Args:
        accounts: the storage accounts that hold containers and shares.
        limits: the limits of the subscription, which may forbid account keys.
    """

    def __init__(self, service: Service, accounts: Accounts, limits: SubscriptionLimits) -> None:
        self._service = service
        self._limits = limits
        self._accounts = accounts

    def create_first(self, workspace: Workspace, details: WorkspaceDetails) -> None:
        """Create the four datastores of a new workspace, with their containers and shares."""
        account = details.account
        for datastore in first_datastores(details, account, self._service.now()):
            if datastore.type == "AzureBlob":
                self._accounts.ensure_container(account, datastore.store)
            else:
                self._accounts.ensure_share(account, datastore.store)
            self._service.repository.store.put(datastore_key(workspace, datastore.name), datastore)

    def put(self, request: Request) -> Response:
        """Create or replace a datastore; without ``skipValidation`` its container or share must exist."""
        workspace, name = self._service.workspace(request), request.params["name"]
        check_asset_name("datastore", name)
        existing = self._lookup(request, workspace)
        document = self._service.body(request, DatastoreBody)
        datastore, secret = self._read(document, name, existing)
        if datastore.credentials in _SECRETS and (code := self._limits.key_refusal(workspace.address.group)):
            raise errors.keys_refused(code, name, datastore.account)
        if request.query.get("skipvalidation", "false").lower() != "true":
            self._validate(datastore)
        store, key = self._service.repository.store, datastore_key(workspace, name)
        if datastore.is_default:
            self._unset_default(workspace)
        store.put(key, datastore)
        store.put(key, DatastoreSecret(secret))
        body = wire(workspace, datastore, by=self._service.author)
        return self._service.document(body, request=None if existing else request)

    def get(self, request: Request) -> Response:
        """Show a datastore."""
        workspace = self._service.workspace(request)
        return self._service.document(wire(workspace, self.find(request, workspace), by=self._service.author))

    def list(self, request: Request) -> Response:
        """The datastores of a workspace, optionally only the default one."""
        workspace = self._service.workspace(request)
        datastores = [
            datastore for _, datastore in self._service.repository.store.list(Datastore, datastore_key(workspace, ""))
        ]
        default_filter = request.query.get("isdefault", "").lower()
        if default_filter in ("true", "false"):
            datastores = [datastore for datastore in datastores if datastore.is_default == (default_filter == "true")]

        def show(datastore: Datastore) -> object:
            return wire(workspace, datastore, by=self._service.author)

        return self._service.page(request, datastores, show, size=_PAGE_SIZE, size_parameter="count")

    def delete(self, request: Request) -> Response:
        """Delete a datastore; its container or share is kept."""
        workspace = self._service.workspace(request)
        if self._lookup(request, workspace) is None:
            return Response(204)
        key = datastore_key(workspace, request.params["name"])
        self._service.repository.store.delete(Datastore, key)
        self._service.repository.store.delete(DatastoreSecret, key)
        return Response(200)

    def list_secrets(self, request: Request) -> Response:
        """The key or SAS. A request for an expirable secret gets the same one: azure-ai-ml signs links with it."""
        workspace = self._service.workspace(request)
        datastore = self.find(request, workspace)
        if datastore.credentials not in _SECRETS:
            raise errors.invalid(f"Datastore {datastore.name} has no credentials.")
        secret = self._secret(workspace, datastore)
        return self._service.document({"secretsType": datastore.credentials, _SECRETS[datastore.credentials]: secret})

    def find(self, request: Request, workspace: Workspace) -> Datastore:
        """The datastore that a path names.

        Raises:
            AzureMLError: it does not exist.
        """
        datastore = self._lookup(request, workspace)
        if datastore is None:
            raise errors.datastore_not_found(request.params["name"])
        return datastore

    def _lookup(self, request: Request, workspace: Workspace) -> Datastore | None:
        return self._service.repository.store.get(Datastore, datastore_key(workspace, request.params["name"]))

    def _secret(self, workspace: Workspace, datastore: Datastore) -> str:
        if datastore.made_by_service:  # its secret is always the current key of the account
            account = self._accounts.get(datastore.account)
            return account.keys[0] if account else ""
        secret = self._service.repository.store.get(DatastoreSecret, datastore_key(workspace, datastore.name))
        return secret.value if secret else ""

    def _unset_default(self, workspace: Workspace) -> None:
        store = self._service.repository.store
        for key, datastore in store.list(Datastore, datastore_key(workspace, "")):
            if datastore.is_default:
                store.put(key, replace(datastore, is_default=False))

    def _read(self, document: dict[str, Any], name: str, existing: Datastore | None) -> tuple[Datastore, str]:
        properties = document.get("properties")
        if properties is None:
            raise errors.invalid("The body of a datastore has an object 'properties'.")
        kind = properties.get("datastoreType") or ""
        if kind not in _STORE_MEMBERS:
            raise errors.not_served(f"datastores of the type '{kind[:40]}'", "use AzureBlob or AzureFile")
        account, store = properties.get("accountName"), properties.get(_STORE_MEMBERS[kind])
        if not account or not store:
            raise errors.invalid(f"A datastore of the type {kind} has 'accountName' and '{_STORE_MEMBERS[kind]}'.")
        credentials = properties.get("credentials") or {}
        credentials_type = credentials.get("credentialsType") or "None"
        if credentials_type not in (*_SECRETS, "None"):
            raise errors.not_served(f"credentials of the type '{credentials_type[:40]}'", "use AccountKey, Sas or None")
        secret = (credentials.get("secrets") or {}).get(_SECRETS.get(credentials_type, "")) or ""
        now = self._service.now()
        datastore = Datastore(
            name=existing.name if existing else name,
            type="AzureBlob" if kind == "AzureBlob" else "AzureFile",
            account=account,
            store=store,
            created=existing.created if existing else now,
            written=now,
            credentials=credentials_type,
            description=properties.get("description"),
            tags=parse_tags(properties) or {},
            properties=read_texts(properties["properties"]) if properties.get("properties") is not None else None,
            endpoint=properties.get("endpoint") or "core.windows.net",
            protocol=properties.get("protocol") or "https",
            is_default=bool(
                properties.get("isDefault") if "isDefault" in properties else existing and existing.is_default
            ),
            made_by_service=bool(existing and existing.made_by_service),
            subscription=properties.get("subscriptionId") or "",
            group=properties.get("resourceGroup") or "",
        )
        return datastore, secret

    def _validate(self, datastore: Datastore) -> None:
        """Check that the container or share of a datastore exists.

        Raises:
            AzureMLError: it does not exist.
        """
        find = self._accounts.container_directory if datastore.type == "AzureBlob" else self._accounts.share_directory
        if find(datastore.account, datastore.store) is None:
            kind = "container" if datastore.type == "AzureBlob" else "file share"
            raise errors.invalid(
                f"The {kind} '{datastore.store}' of the storage account '{datastore.account}' could not be reached "
                "with the given credentials; create it first, or send skipValidation=true.",
                "ArgumentInvalid",
            )

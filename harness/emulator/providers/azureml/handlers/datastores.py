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

_SERVED = {"AzureBlob": "containerName", "AzureFile": "fileShareName"}
_SECRETS = {"AccountKey": "key", "Sas": "sasToken"}  # the name of the secret, by the type of credentials
_MOST = 100  # datastores on a page


class Datastores:
    """The operations on datastores.

    Args:
        accounts: hold containers and shares.
        limits: say where account keys are refused.
    """

    def __init__(self, service: Service, accounts: Accounts, limits: SubscriptionLimits) -> None:
        self._service = service
        self._limits = limits
        self._accounts = accounts

    def make_first(self, workspace: Workspace, details: WorkspaceDetails) -> None:
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
        found = self._found(request, workspace)
        document = self._service.body(request, DatastoreBody)
        datastore, secret = self._read(document, name, found)
        if datastore.credentials in _SECRETS and (code := self._limits.key_refusal(workspace.address.group)):
            raise errors.keys_refused(code, name, datastore.account)
        if request.query.get("skipvalidation", "false").lower() != "true":
            self._validate(datastore)
        store, key = self._service.repository.store, datastore_key(workspace, name)
        if datastore.is_default:
            self._unset_default(workspace)
        store.put(key, datastore)
        store.put(key, DatastoreSecret(secret))
        shown = wire(workspace, datastore, by=self._service.author)
        return self._service.document(shown, request=None if found else request)

    def get(self, request: Request) -> Response:
        """Show a datastore."""
        workspace = self._service.workspace(request)
        return self._service.document(wire(workspace, self.find(request, workspace), by=self._service.author))

    def list(self, request: Request) -> Response:
        """The datastores of a workspace, optionally only the default one."""
        workspace = self._service.workspace(request)
        found = [each for _, each in self._service.repository.store.list(Datastore, datastore_key(workspace, ""))]
        wanted = request.query.get("isdefault", "").lower()
        if wanted in ("true", "false"):
            found = [each for each in found if each.is_default == (wanted == "true")]

        def show(datastore: Datastore) -> object:
            return wire(workspace, datastore, by=self._service.author)

        return self._service.page(request, found, show, size=_MOST, size_parameter="count")

    def delete(self, request: Request) -> Response:
        """Delete a datastore; its container or share stays."""
        workspace = self._service.workspace(request)
        if self._found(request, workspace) is None:
            return Response(204)
        key = datastore_key(workspace, request.params["name"])
        self._service.repository.store.delete(Datastore, key)
        self._service.repository.store.delete(DatastoreSecret, key)
        return Response(200)

    def list_secrets(self, request: Request) -> Response:
        """The key or SAS; the same whether an expirable one was asked for: azure-ai-ml signs links with it."""
        workspace = self._service.workspace(request)
        datastore = self.find(request, workspace)
        if datastore.credentials not in _SECRETS:
            raise errors.invalid(f"Datastore {datastore.name} has no credentials.")
        secret = self._secret(workspace, datastore)
        return self._service.document({"secretsType": datastore.credentials, _SECRETS[datastore.credentials]: secret})

    def find(self, request: Request, workspace: Workspace) -> Datastore:
        """The datastore that a path names.

        Raises:
            AzureMLError: there is none.
        """
        found = self._found(request, workspace)
        if found is None:
            raise errors.datastore_not_found(request.params["name"])
        return found

    def _found(self, request: Request, workspace: Workspace) -> Datastore | None:
        return self._service.repository.store.get(Datastore, datastore_key(workspace, request.params["name"]))

    def _secret(self, workspace: Workspace, datastore: Datastore) -> str:
        if datastore.made_by_service:  # it is always the present key of the account
            account = self._accounts.get(datastore.account)
            return account.keys[0] if account else ""
        found = self._service.repository.store.get(DatastoreSecret, datastore_key(workspace, datastore.name))
        return found.value if found else ""

    def _unset_default(self, workspace: Workspace) -> None:
        store = self._service.repository.store
        for key, each in store.list(Datastore, datastore_key(workspace, "")):
            if each.is_default:
                store.put(key, replace(each, is_default=False))

    def _read(self, document: dict[str, Any], name: str, found: Datastore | None) -> tuple[Datastore, str]:
        properties = document.get("properties")
        if properties is None:
            raise errors.invalid("The body of a datastore has an object 'properties'.")
        kind = properties.get("datastoreType") or ""
        if kind not in _SERVED:
            raise errors.not_served(f"datastores of the type '{kind[:40]}'", "use AzureBlob or AzureFile")
        account, store = properties.get("accountName"), properties.get(_SERVED[kind])
        if not account or not store:
            raise errors.invalid(f"A datastore of the type {kind} has 'accountName' and '{_SERVED[kind]}'.")
        credentials = properties.get("credentials") or {}
        credentials_type = credentials.get("credentialsType") or "None"
        if credentials_type not in (*_SECRETS, "None"):
            raise errors.not_served(f"credentials of the type '{credentials_type[:40]}'", "use AccountKey, Sas or None")
        secret = (credentials.get("secrets") or {}).get(_SECRETS.get(credentials_type, "")) or ""
        now = self._service.now()
        datastore = Datastore(
            name=found.name if found else name,
            type="AzureBlob" if kind == "AzureBlob" else "AzureFile",
            account=account,
            store=store,
            created=found.created if found else now,
            written=now,
            credentials=credentials_type,
            description=properties.get("description"),
            tags=parse_tags(properties) or {},
            properties=read_texts(properties["properties"]) if properties.get("properties") is not None else None,
            endpoint=properties.get("endpoint") or "core.windows.net",
            protocol=properties.get("protocol") or "https",
            is_default=bool(properties.get("isDefault") if "isDefault" in properties else found and found.is_default),
            made_by_service=bool(found and found.made_by_service),
            subscription=properties.get("subscriptionId") or "",
            group=properties.get("resourceGroup") or "",
        )
        return datastore, secret

    def _validate(self, datastore: Datastore) -> None:
        """Check that the container or share of a datastore exists.

        Raises:
            AzureMLError: it does not.
        """
        find = self._accounts.container_directory if datastore.type == "AzureBlob" else self._accounts.share_directory
        if find(datastore.account, datastore.store) is None:
            what = "container" if datastore.type == "AzureBlob" else "file share"
            raise errors.invalid(
                f"The {what} '{datastore.store}' of the storage account '{datastore.account}' could not be reached "
                "with the given credentials; create it first, or send skipValidation=true.",
                "ArgumentInvalid",
            )

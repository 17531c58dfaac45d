"""The addresses of a running emulator, and the credentials that it accepts."""

from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from harness.compute.process_handle import ends
from harness.emulator.development_account import DEVELOPMENT_KEY
from harness.errors import EmulatorError

# Seconds between two polls of azure-ai-ml's ``jobs.stream``, whose default interval grows to a minute.
_STREAMING = {"AZUREML_RUN_POLLING_INTERVAL_MIN": "1", "AZUREML_RUN_POLLING_INTERVAL_MAX": "1"}


_LOOPBACK = ("localhost", ".localhost", "127.0.0.1", "::1")


class SignIn(msgspec.Struct, frozen=True):
    """The credentials of one application; ``repr`` hides its secret."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"SignIn({self.client_id!r})"


class Endpoint(msgspec.Struct, frozen=True):
    """One running emulator; its ``repr`` shows no secret.

    ``file_url`` and ``blob_url`` are the plain ports, where the account is the first segment of the path; ``only`` is
    ``storage`` if nothing else is served. ``applications`` are the additional applications, by name.
    ``identity_variables`` lead to the endpoint of managed identities. A ``guarded`` emulator ends with its launcher.
    """

    proxy_url: str
    ca_path: str
    tenant_id: str
    client_id: str
    client_secret: str
    subscription_id: str
    storage_account: str
    storage_key: str
    pid: int
    directory: str
    file_url: str = ""
    blob_url: str = ""
    only: str = ""
    azureml_resource_group: str = ""
    azureml_workspace: str = ""
    mlflow_tracking_uri: str = ""
    applications: dict[str, SignIn] = {}
    identity_variables: dict[str, str] = {}
    guarded: bool = False

    def __repr__(self) -> str:
        return f"Endpoint({self.proxy_url}, pid={self.pid}, directory={self.directory!r})"

    def has_ended(self) -> bool:
        """Whether this is a guarded emulator whose process has ended, so that it will never answer again.

        Any other emulator can be started again at the same ports while its clients wait.
        """
        return self.guarded and ends(self.pid, 0)

    def lines(self) -> list[str]:
        """A summary of the addresses for people, with a connection string if its key is no secret."""
        shown = [
            f"emulator    {self.proxy_url} (process {self.pid})",
            f"directory   {self.directory}",
            f"authority   {self.ca_path}",
            f"files       {self.file_url}/{self.storage_account}",
            f"blobs       {self.blob_url}/{self.storage_account}",
        ]
        if not self.only:  # the key of an emulator that runs jobs is secret: only ``env`` prints it
            return shown
        if self.storage_key == DEVELOPMENT_KEY:
            return [*shown, f"connection  {self.connection_string}"]
        return [*shown, "connection  its key is secret: harness emulator env prints it"]

    @property
    def connection_string(self) -> str:
        """The connection string of the first storage account at the plain ports, with the account's key."""
        return self.connection_string_of(self.storage_account, self.storage_key)

    def connection_string_of(self, account: str, key: str) -> str:
        """The connection string of a storage account at the plain ports.

        It does not end with ``;``, which some SDKs take for an empty setting.
        """
        parts = {
            "DefaultEndpointsProtocol": "https" if self._has_tls else "http",
            "AccountName": account,
            "AccountKey": key,
            "BlobEndpoint": f"{self.blob_url}/{account}",
            "FileEndpoint": f"{self.file_url}/{account}",
        }
        return ";".join(f"{name}={value}" for name, value in parts.items())

    def environment(self, application: str = "", *, by_proxy: bool = False) -> dict[str, str]:
        """The variables with which unmodified Azure clients reach the emulator and sign in.

        An emulator of storage alone needs no proxy for requests with keys, and leaves the proxy variables unset. An
        emulator of all services has many accounts, and ``az`` would prefer Azure's variable for the connection string
        to any account that its user names; so the connection string is in a variable of the harness. For a named
        application the account's key is left out, because the roles of the application decide what it may do.

        Args:
            application: the application that signs in; by default the first one.
            by_proxy: for an emulator of storage alone, include the variables that lead through its proxy, which has
                Azure's host names and a sign-in; a named application implies this.

        Raises:
            EmulatorError: the emulator has no such application.
        """
        connection = "AZURE_STORAGE_CONNECTION_STRING" if self.only else "HARNESS_STORAGE_CONNECTION_STRING"
        storage = {connection: self.connection_string, "HARNESS_STORAGE_ACCOUNT": self.storage_account}
        storage["HARNESS_STORAGE_KEY"] = self.storage_key
        if application:
            storage = {"HARNESS_STORAGE_ACCOUNT": self.storage_account}
        if self.only:
            if by_proxy or application:
                return storage | self._proxy_variables(application)
            return storage | (self._ca_variables() if self._has_tls else {})
        return storage | {
            **self._proxy_variables(application),
            "AZURE_SUBSCRIPTION_ID": self.subscription_id,
            "HARNESS_AZUREML_RESOURCE_GROUP": self.azureml_resource_group,
            "HARNESS_AZUREML_WORKSPACE": self.azureml_workspace,
            "MLFLOW_TRACKING_URI": self.mlflow_tracking_uri,
            **_STREAMING,
        }

    def for_host(self, host: str, authority: str) -> "Endpoint":
        """The endpoint as another machine reaches it, without managed identities.

        Args:
            host: the name or address of this machine on the other one.
            authority: the path on the other machine of the certificate that is in ``ca_path`` here.
        """
        proxy, files, blobs = (_with_host(host, url) for url in (self.proxy_url, self.file_url, self.blob_url))
        return replace(self, proxy_url=proxy, file_url=files, blob_url=blobs, ca_path=authority, identity_variables={})

    def _proxy_variables(self, application: str) -> dict[str, str]:
        sign_in = self._sign_in(application)
        direct = ",".join(dict.fromkeys([*_LOOPBACK, str(urlsplit(self.file_url).hostname)])) if self._has_tls else ""
        return {
            "HTTPS_PROXY": self.proxy_url,
            "https_proxy": self.proxy_url,
            "NO_PROXY": direct,
            "no_proxy": direct,
            **self._ca_variables(),
            **self.identity_variables,
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_CLIENT_ID": sign_in.client_id,
            "AZURE_CLIENT_SECRET": sign_in.client_secret,
        }

    @property
    def _has_tls(self) -> bool:
        """Whether the storage ports use TLS."""
        return self.file_url.startswith("https:")

    def _ca_variables(self) -> dict[str, str]:
        names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return dict.fromkeys(names, self.ca_path)

    def _sign_in(self, application: str) -> SignIn:
        if not application:
            return SignIn(self.client_id, self.client_secret)
        if application not in self.applications:
            names = ", ".join(self.applications) or "none besides the first one"
            raise EmulatorError(
                f"the emulator has no application {application!r}; it has: {names}. Start it with "
                f"--application {application}=reader, for example"
            )
        return self.applications[application]


def _with_host(host: str, url: str) -> str:
    """A URL with another host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{parts.port}"

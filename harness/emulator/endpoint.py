"""Where a running emulator answers, and the credentials that it accepts."""

import msgspec


class Endpoint(msgspec.Struct, frozen=True):
    """One running emulator; its ``repr`` shows no secret."""

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

    def __repr__(self) -> str:
        return f"Endpoint({self.proxy_url}, pid={self.pid}, directory={self.directory!r})"

    def environment(self) -> dict[str, str]:
        """The variables with which unmodified Azure clients reach the emulator and sign in."""
        return {
            "HTTPS_PROXY": self.proxy_url,
            "https_proxy": self.proxy_url,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": self.ca_path,
            "SSL_CERT_FILE": self.ca_path,
            "CURL_CA_BUNDLE": self.ca_path,
            "AZURE_TENANT_ID": self.tenant_id,
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_CLIENT_SECRET": self.client_secret,
            "AZURE_SUBSCRIPTION_ID": self.subscription_id,
            "HARNESS_STORAGE_ACCOUNT": self.storage_account,
            "HARNESS_STORAGE_KEY": self.storage_key,
        }

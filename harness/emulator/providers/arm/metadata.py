"""``GET /metadata/endpoints``: the addresses of the cloud, which clients read before they sign in.

The names and values are those of Azure's public cloud. Each client requests the API version whose form it knows: one
flat object until 2019-05-01, then a list of clouds, and since 2022-09-01 one cloud.
"""

from typing import Any

PATH = "/metadata/endpoints"
_AUDIENCES = ["https://management.core.windows.net/", "https://management.azure.com/"]
_CLOUD: dict[str, Any] = {
    "portal": "https://portal.azure.com",
    "authentication": {
        "loginEndpoint": "https://login.microsoftonline.com/",
        "audiences": _AUDIENCES,
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "media": "https://rest.media.azure.net",
    "graphAudience": "https://graph.windows.net/",
    "graph": "https://graph.windows.net/",
    "name": "AzureCloud",
    "suffixes": {
        "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
        "acrLoginServer": "azurecr.io",
        "sqlServerHostname": "database.windows.net",
        "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "keyVaultDns": "vault.azure.net",
        "storage": "core.windows.net",
        "azureFrontDoorEndpointSuffix": "azurefd.net",
    },
    "batch": "https://batch.core.windows.net/",
    "resourceManager": "https://management.azure.com/",
    "vmImageAliasDoc": (
        "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/quickstart-templates/aliases.json"
    ),
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "gallery": "https://gallery.azure.com/",
}


def endpoints(version: str) -> object:
    """The document in the form of an API version.

    Args:
        version: the API version, for example ``2019-05-01``.
    """
    if version < "2019-05-01":
        return {
            "galleryEndpoint": _CLOUD["gallery"],
            "graphEndpoint": _CLOUD["graph"],
            "portalEndpoint": _CLOUD["portal"],
            "authentication": {"loginEndpoint": "https://login.microsoftonline.com/", "audiences": _AUDIENCES},
        }
    return [_CLOUD] if version < "2022-09-01" else _CLOUD

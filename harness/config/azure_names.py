"""Patterns for the names and ids of Azure that settings hold, and their descriptions in messages."""

GUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
TENANT = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$"  # azure-identity's rule

# Azure's naming rules: Microsoft.Storage, Microsoft.Resources and Microsoft.MachineLearningServices.
ACCOUNT = r"^[a-z0-9]{3,24}$"
GROUP = r"^[\w().-]{0,89}[\w()-]$"
WORKSPACE = r"^[A-Za-z0-9][A-Za-z0-9_-]{1,32}$"
MEANINGS = {
    GUID: "a GUID, such as 00000000-0000-0000-0000-000000000000",
    TENANT: "a GUID or a domain name",
    ACCOUNT: "3 to 24 lower-case letters and digits",
    GROUP: "at most 90 letters, digits, underscores, hyphens, parentheses and dots, without a dot at the end",
    WORKSPACE: "3 to 33 letters, digits, hyphens and underscores, with a letter or a digit first",
}

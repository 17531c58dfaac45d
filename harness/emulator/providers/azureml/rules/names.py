"""The names that the service accepts, with the patterns of Microsoft's OpenAPI descriptions."""

import re

from harness.emulator.providers.azureml.errors import invalid

_WORKSPACE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
_COMPUTE = re.compile(r"[a-zA-Z](?![a-zA-Z0-9-]*-\d+$)[a-zA-Z0-9-]{2,23}")
_JOB = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,249}")
_ASSET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")


def check_workspace_name(name: str) -> None:
    """Check a workspace's name: 3 to 33 letters, digits, hyphens and underscores, a letter or digit first.

    Raises:
        AzureMLError: the name is not valid.
    """
    _check("workspace", name, _WORKSPACE, "3 to 33 letters, digits, '-' and '_', a letter or digit first")


def check_compute_name(name: str) -> None:
    """Check a compute's name: 3 to 24 letters, digits and hyphens, a letter first, no hyphen and number last.

    Raises:
        AzureMLError: the name is not valid.
    """
    _check("compute", name, _COMPUTE, "3 to 24 letters, digits and '-', a letter first, not ending in '-<digits>'")


def check_asset_name(kind: str, name: str) -> None:
    """Check the name of a datastore or an asset.

    Raises:
        AzureMLError: the name is not valid.
    """
    _check(kind, name, _ASSET, "1 to 255 letters, digits, '-' and '_', a letter or digit first")


def check_job_name(name: str) -> None:
    """Check the name of a job. It has 5 characters less than the service allows, for the directory of its run.

    Raises:
        AzureMLError: the name is not valid.
    """
    _check("job", name, _JOB, "1 to 250 letters, digits, '-' and '_', a letter or digit first")


def _check(kind: str, name: str, pattern: "re.Pattern[str]", rule: str) -> None:
    if not pattern.fullmatch(name):
        raise invalid(f"The {kind} name '{name[:80]}' is not valid: it has {rule}.", "ArgumentInvalid")

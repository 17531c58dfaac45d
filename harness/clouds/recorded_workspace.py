"""A workspace of the user's own in recordings: they name another in its place, so that they replay anywhere. Pure.

The name of a workspace may be any word, such as ``azureml``, and part of others. So it is replaced only where it is the
name of the workspace: behind its resource group, and where jobs and the workspace itself are told it.
"""

from collections.abc import Mapping

PROVENANCE = "workspace"
"""The entry of a cassette's provenance that is there when the workspace was not made by the recorded run."""

RECORDED = ("harness-workspace-group", "harness-workspace")
"""Resource group and name of the workspace in recordings."""

# No two of these overlap in one text: what is replaced is not looked at again. And they are few: each is looked for in
# all its encodings.
_PLACES = (
    "{group}/workspaces/{name}",
    "{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}",
    "{group}/providers/Microsoft.Storage/",
    "{group}/providers/Microsoft.KeyVault/",
    "{group}/providers/Microsoft.Insights/",
    "{group}/providers/Microsoft.ContainerRegistry/",
    "WORKSPACE_NAME {name}",
    '"name":"{name}"',
    '"friendlyName":"{name}"',
)


def workspace_replacements(group: str, name: str) -> Mapping[str, str]:
    """What recordings replace: texts that name a workspace, by those in their place."""
    mine, theirs = {"group": group, "name": name}, dict(zip(("group", "name"), RECORDED, strict=True))
    return {place.format(**mine): place.format(**theirs) for place in _PLACES}

"""The substitute for an existing workspace in recordings, so that they replay anywhere. Pure.

The name of a workspace may be any word, such as ``azureml``, or a part of another word. So it is replaced only where it
is certainly the workspace: after its resource group, and in the fields and variables that contain its name.
"""

from collections.abc import Mapping

PROVENANCE = "workspace"
"""The entry of a cassette's provenance that marks a workspace that existed before the recorded run."""

RECORDED = ("harness-workspace-group", "harness-workspace")
"""Resource group and name of the workspace in recordings."""

# No two of these may overlap in a text, because replaced text is not searched again. There are few of them, because
# each is searched for in all encodings.
_PATTERNS = (
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
    """The replacements in recordings: text that names a workspace -> text that names the substitute."""
    names, substitutes = {"group": group, "name": name}, dict(zip(("group", "name"), RECORDED, strict=True))
    return {pattern.format(**names): pattern.format(**substitutes) for pattern in _PATTERNS}

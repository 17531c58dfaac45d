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
_PATHS = (
    "{group}/workspaces/{name}",
    "{group}/providers/Microsoft.MachineLearningServices/workspaces/{name}",
    "{group}/providers/Microsoft.Storage/",
    "{group}/providers/Microsoft.KeyVault/",
    "{group}/providers/Microsoft.Insights/",
    "{group}/providers/Microsoft.ContainerRegistry/",
)
_AS_GIVEN = ("WORKSPACE_NAME {name}", '"name":"{name}"', '"friendlyName":"{name}"')


def workspace_replacements(group: str, name: str) -> Mapping[str, str]:
    """What recordings replace: texts that name a workspace, by those in their place.

    Azure's names ignore case: in paths, its services write them as they were given, in small letters or in capitals,
    and types of resources as they are or in small letters.
    """
    mine, theirs = {"group": group, "name": name}, dict(zip(("group", "name"), RECORDED, strict=True))
    found = {text.format(**mine): text.format(**theirs) for text in _AS_GIVEN}
    for change in (str, str.lower, str.upper):
        one, other = ({key: change(each) for key, each in names.items()} for names in (mine, theirs))
        for path in _PATHS:
            found |= {text.format(**one): text.format(**other) for text in (path, path.lower())}
    return found

"""What recordings replace of a workspace of the user's own."""

from collections.abc import Callable

import pytest

from harness.clouds.recorded_workspace import workspace_replacements
from harness.recording.encodings import KnownValues

TYPE = "Microsoft.MachineLearningServices"


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
@pytest.mark.parametrize("kind", [TYPE, TYPE.lower()])
def test_a_workspace_is_replaced_however_a_service_writes_it(change: Callable[[str], str], kind: str) -> None:
    values = KnownValues(workspace_replacements("Our-Group", "Our-Space"))
    group, name = change("Our-Group"), change("Our-Space")

    for text in (
        f"/subscriptions/s/resourceGroups/{group}/providers/{kind}/workspaces/{name}/jobs/j",
        f"wsid=/subscriptions/s/resourcegroups/{group}/workspaces/{name}&tid=t",
        f"/subscriptions/s/resourceGroups/{group}/providers/{kind}/workspaces/{name}".replace("/", "%2F"),
    ):
        found = [text[start:end] for start, end in values.find(text)]
        assert any(group in each for each in found)
        assert any(name in each for each in found)


def test_a_workspace_whose_name_is_any_word_is_replaced_where_it_is_the_name_alone() -> None:
    values = KnownValues(workspace_replacements("group", "azureml"))

    assert not values.occur_in("azureml://datastores/d and azureml/group and WORKSPACES/azureml")

from datetime import UTC, datetime

import pytest

from harness.resources.owner import this_process
from harness.resources.tags import Label, read_label

TAGS = {
    "batchai-harness-run": "r",
    "batchai-harness-owner": str(this_process()),
    "batchai-harness-created": "2026-01-02T03:04:05+00:00",
    "batchai-harness-expires": "2026-01-03T03:04:05+00:00",
}
LABEL = Label("r", this_process(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC))


def test_tags_read_back():
    assert read_label(TAGS) == LABEL


def test_metadata_of_a_share_reads_back_in_any_casing():
    assert read_label({name.replace("-", "").title(): value for name, value in TAGS.items()}) == LABEL


@pytest.mark.parametrize("tags", [None, {}, {"owner": "me"}, {"batchai-harness-run": ""}])
def test_what_is_not_ours_has_no_label(tags):
    assert read_label(tags) is None


def test_values_that_cannot_be_read_are_none_and_never_raise():
    odd = dict.fromkeys(TAGS, "odd")
    assert read_label(odd) == Label("odd", None, None, None)


def test_a_moment_without_a_zone_is_utc():
    assert read_label({**TAGS, "batchai-harness-expires": "2026-01-03T03:04:05"}) == LABEL

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.resources.owner import Owner, this_process
from harness.resources.tags import Label, read_metadata, read_tags

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PAST, FUTURE = NOW - timedelta(hours=1), NOW + timedelta(hours=1)
ENDED = replace(this_process(), started="1")
ELSEWHERE = Owner("0123456789ab.0123456789ab", 1, "1")
TAGS = {
    "batchai-harness-run": "r",
    "batchai-harness-owner": str(this_process()),
    "batchai-harness-created": "2026-01-02T03:04:05+00:00",
    "batchai-harness-expires": "2026-01-03T03:04:05+00:00",
    "batchai-harness-resource": "/subscriptions/s/resourceGroups/g",
}
METADATA = {name.replace("-", ""): value for name, value in TAGS.items()}
LABEL = Label(
    "r",
    this_process(),
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    datetime(2026, 1, 3, 3, 4, 5, tzinfo=UTC),
    "/subscriptions/s/resourceGroups/g",
)


def test_tags_read_back() -> None:
    assert read_tags(TAGS) == LABEL


def test_metadata_of_a_share_reads_back_in_any_casing() -> None:
    assert read_metadata({name.title(): value for name, value in METADATA.items()}) == LABEL


def test_tags_of_a_group_read_back_in_any_casing() -> None:
    assert read_tags({name.upper(): value for name, value in TAGS.items()}) == LABEL


def test_names_without_hyphens_do_not_count_on_groups() -> None:
    assert read_tags(METADATA) is None


def test_names_with_hyphens_do_not_count_on_shares() -> None:
    assert read_metadata(TAGS) is None


@pytest.mark.parametrize(
    ("resource", "is_named"),
    [
        ("/subscriptions/s/resourceGroups/g", True),
        ("/subscriptions/s/resourcegroups/G", True),
        ("/subscriptions/s/resourceGroups/g2", False),
        ("/subscriptions/t/resourceGroups/g", False),
        ("", False),
    ],
)
def test_tags_name_the_resource_that_they_were_written_on(resource: str, is_named: bool) -> None:
    assert LABEL.describes(resource) is is_named


def test_tags_that_name_no_resource_name_none() -> None:
    assert not replace(LABEL, resource="").describes("")


@pytest.mark.parametrize(
    ("owner", "expires", "may_be_alive"),
    [
        (this_process(), PAST, True),
        (ENDED, FUTURE, False),
        (ELSEWHERE, FUTURE, True),
        (ELSEWHERE, PAST, False),
        (ELSEWHERE, None, True),
        (None, FUTURE, True),
        (None, PAST, False),
    ],
)
def test_a_run_may_be_alive_while_it_runs_or_while_it_is_elsewhere_and_not_expired(
    owner: Owner | None, expires: datetime | None, may_be_alive: bool
) -> None:
    assert replace(LABEL, owner=owner, expires=expires).may_be_alive(NOW) is may_be_alive


def test_what_a_run_has_kept_may_be_used_from_any_machine_once_the_run_has_ended() -> None:
    label = replace(LABEL, is_kept=True)
    assert not replace(label, owner=ELSEWHERE, expires=FUTURE).may_be_alive(NOW)
    assert replace(label, owner=this_process()).may_be_alive(NOW)


def test_messages_name_the_expiry_of_what_another_machine_owns() -> None:
    assert (
        replace(LABEL, owner=ELSEWHERE).run_description == "run r, made on another machine, until 2026-01-03 03:04 UTC"
    )


def test_messages_name_an_earlier_boot() -> None:
    machine = this_process().host.partition(".")[0]
    owner = replace(this_process(), host=f"{machine}.0123456789ab")
    assert replace(LABEL, owner=owner, expires=None).run_description == (
        "run r, made before this machine was last started, or on a clone of it, without end"
    )


@pytest.mark.parametrize("tags", [None, {}, {"owner": "me"}, {"batchai-harness-run": ""}])
def test_what_is_not_ours_has_no_label(tags: dict[str, Any] | None) -> None:
    assert read_tags(tags) is None
    assert read_metadata(tags) is None


def test_values_that_cannot_be_read_are_none_and_never_raise() -> None:
    odd = dict.fromkeys(TAGS, "odd")
    assert read_tags(odd) == Label("odd", None, None, None, "odd")


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "2026-13-01", "x" * 9000])
def test_a_moment_that_no_calendar_has_is_none(moment: str) -> None:
    assert read_tags({**TAGS, "batchai-harness-expires": moment}).expires is None


def test_a_moment_without_a_zone_is_utc() -> None:
    assert read_tags({**TAGS, "batchai-harness-expires": "2026-01-03T03:04:05"}) == LABEL


def test_a_time_of_another_zone_becomes_utc() -> None:
    assert read_tags({**TAGS, "batchai-harness-expires": "2026-01-03T05:04:05+02:00"}) == LABEL

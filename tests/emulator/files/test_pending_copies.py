"""Copies that are pending for a while: how they end, and how they are aborted."""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.fileshare import ShareFileClient, ShareServiceClient, generate_share_sas

from harness.emulator.launch import launch

OTHER_KEY = b64encode(b"key of another account").decode()


@contextmanager
def copying(directory: Path, *, delay: float) -> Iterator[tuple[ShareFileClient, dict[str, Any]]]:
    """The target file of a pending copy, and the response that started the copy."""
    with (
        launch(directory, only="storage", copy_delay=delay) as endpoint,
        ShareServiceClient.from_connection_string(endpoint.connection_string) as shares,
    ):
        share = shares.create_share("data")
        source, target = share.get_file_client("source"), share.get_file_client("target")
        source.upload_file(b"hello")
        yield target, target.start_copy_from_url(source.url)


def test_a_copy_stays_pending_for_as_long_as_was_said_and_can_be_aborted(tmp_path: Path) -> None:
    with copying(tmp_path, delay=3600) as (target, started):
        assert started["copy_status"] == "pending"
        target.abort_copy(started["copy_id"])
        properties = target.get_file_properties()

        assert (properties.copy.status, properties.size) == ("aborted", 0)


def test_the_response_to_an_abort_shows_the_outcome_of_the_copy(tmp_path: Path) -> None:
    """At any time the copy is either aborted, or has ended and can no longer be aborted."""
    content = os.urandom(1 << 20) * 8
    with (
        launch(tmp_path, only="storage", accounts=[f"other:{OTHER_KEY}"]) as endpoint,
        ShareServiceClient.from_connection_string(endpoint.connection_string) as shares,
        ShareServiceClient.from_connection_string(endpoint.connection_string_of("other", OTHER_KEY)) as others,
    ):
        source = others.create_share("data").get_file_client("source")
        source.upload_file(content)
        expiry = datetime.now(UTC) + timedelta(hours=1)
        sas = generate_share_sas("other", "data", OTHER_KEY, permission="r", expiry=expiry)
        target = shares.create_share("data").get_file_client("target")
        for _ in range(20):
            started = target.start_copy_from_url(f"{source.url}?{sas}")
            assert started["copy_status"] == "pending"
            try:
                target.abort_copy(started["copy_id"])
            except ResourceExistsError:  # 409: no copy is pending
                expected = ("success", content)
            else:
                expected = ("aborted", b"")
            assert (target.get_file_properties().copy.status, target.download_file().readall()) == expected


def test_a_leased_file_that_is_being_copied_to_is_aborted_with_its_lease(tmp_path: Path) -> None:
    with copying(tmp_path, delay=3600) as (target, started):
        lease = target.acquire_lease()
        with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
            target.abort_copy(started["copy_id"])
        target.abort_copy(started["copy_id"], lease=lease)

        assert target.get_file_properties().copy.status == "aborted"


def test_a_copy_that_was_pending_ends(tmp_path: Path) -> None:
    with copying(tmp_path, delay=0.01) as (target, _):
        while target.get_file_properties().copy.status == "pending":
            pass

        assert target.download_file().readall() == b"hello"

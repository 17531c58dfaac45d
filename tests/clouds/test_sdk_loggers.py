"""The loggers of the SDKs are filtered while a cloud is open, and unchanged afterwards."""

import logging
from pathlib import Path

import pytest

from harness.clouds import open_cloud
from harness.clouds.sdk_loggers import filtered_loggers
from harness.config import Settings
from harness.emulator.endpoint import Endpoint

NAMES = (
    "urllib3.connectionpool",
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.storage.common.storageclient",
    "azure.mgmt.resource.resources._utils.model_base",
    "azure.identity",
    "azure.identity._internal.decorators",
    "harness",
)

State = dict[str, tuple[int, bool, bool, list[object], list[object]]]


def state() -> State:
    loggers = {name: logging.getLogger(name) for name in ("", *NAMES)}
    return {
        name: (logger.level, logger.disabled, logger.propagate, list(logger.filters), list(logger.handlers))
        for name, logger in loggers.items()
    }


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_the_users_loggers_are_left_as_they_are(emulator: Endpoint, tmp_path: Path, level: int) -> None:
    for name in NAMES:
        logging.getLogger(name).setLevel(level)
    try:
        before = state()
        for record in (False, True):
            with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator, record=record) as cloud:
                with cloud.clients("a/loggers") as clients:
                    list(clients.resources.resource_groups.list())
                    during = state()
                assert {name: values[:3] for name, values in during.items()} == {
                    name: values[:3] for name, values in before.items()
                }
        assert state() == before
    finally:
        for name in NAMES:
            logging.getLogger(name).setLevel(logging.NOTSET)


def test_blocks_may_overlap(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pool = logging.getLogger("urllib3.connectionpool")
    before = list(pool.filters)  # clouds of other tests may be open
    first, second = filtered_loggers(), filtered_loggers()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    pool.debug("GET /f?sig=secret")
    second.__exit__(None, None, None)
    assert caplog.messages == ["GET /f?sig=scrubbed"]
    assert pool.filters == before


def test_requests_are_not_reported_at_the_level_of_our_own_progress(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with filtered_loggers():
        logging.getLogger("azure.core.pipeline.policies.http_logging_policy").info("Request URL: ...")
        logging.getLogger("azure.storage.common.storageclient").error("Headers: Authorization: SharedKey ...")
        logging.getLogger("harness").info("created mygroup")
    assert caplog.messages == ["created mygroup"]

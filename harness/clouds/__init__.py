"""Addresses and credentials made into SDK clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from harness.clouds.azure import azure_cloud
from harness.clouds.emulator import emulator_cloud, running_emulator
from harness.clouds.model import Clients, Cloud, CloudFacts, Poller
from harness.clouds.replay import replay_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint

__all__ = ["Clients", "Cloud", "CloudFacts", "CloudName", "Poller", "open_cloud"]

CloudName = Literal["replay", "emulator", "azure"]


@contextmanager
def open_cloud(
    name: CloudName, settings: Settings, *, cassettes: Path, record: bool = False, endpoint: Endpoint | None = None
) -> Iterator[Cloud]:
    """A place to run in, for as long as the block lasts.

    Args:
        name: which.
        settings: credentials and addresses.
        cassettes: the directory that ``replay`` reads and ``record`` writes.
        record: write the cassette of every story; means nothing in replay.
        endpoint: an emulator that runs already; default the one in ``emulator_dir``, or one of our own.

    Raises:
        SettingsError: a setting that the cloud needs has no value.
        EmulatorError: the emulator did not start.
    """
    if name == "replay":
        yield replay_cloud(cassettes)
    elif name == "azure":
        yield azure_cloud(settings, cassettes=cassettes, record=record)
    else:
        if endpoint is not None:
            yield emulator_cloud(endpoint, settings, cassettes=cassettes, record=record)
            return
        with running_emulator(settings) as running:
            yield emulator_cloud(running, settings, cassettes=cassettes, record=record)

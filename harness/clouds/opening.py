"""Opening a cloud by its name."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from harness.clouds.azure import azure_cloud
from harness.clouds.emulator import emulator_cloud
from harness.clouds.local_emulator import running_emulator
from harness.clouds.model import Cloud
from harness.clouds.replay import replay_cloud
from harness.clouds.run_identity import new_run
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.errors import SettingsError
from harness.recording import ReportUnused
from harness.target import CloudName, ServiceName, default_service


@contextmanager
def open_cloud(
    name: CloudName,
    settings: Settings,
    *,
    cassettes: Path,
    service: ServiceName | None = None,
    record: bool = False,
    endpoint: Endpoint | None = None,
    run: str | None = None,
    report_unused: ReportUnused | None = None,
    recorded_for: Callable[[], str] | None = None,
) -> Iterator[Cloud]:
    """Open a cloud for the duration of the block.

    Args:
        name: the name of the cloud.
        settings: credentials and addresses.
        cassettes: the directory of all cassettes; those of a service, which ``replay`` reads and ``record`` writes, are
            in a subdirectory with its name.
        service: the service to use; default the cloud's default service.
        record: write the cassette of every session; has no effect in replay.
        endpoint: a running emulator; default the one in ``emulator_dir``, or a new one.
        run: the identity of the run; default a new one.
        report_unused: called after a replay in which some of the recorded responses were not requested.
        recorded_for: returns the test that is recording; no other test may overwrite its cassettes.

    Raises:
        SettingsError: a required setting has no value, or a setting forbids recording.
        EmulatorError: the emulator did not start.
    """
    run = run or new_run()
    service = service or default_service(name)
    if record and settings.storage_auth == "identity":
        raise SettingsError(
            "the setting storage_auth is identity, and a recording is made with the key, so that it replays anywhere: "
            "set it to key"
        )
    cassettes = cassettes / service
    names = settings.azureml_resource_group, settings.azureml_workspace
    workspace = (names[0], names[1]) if service == "azureml" and names[0] and names[1] else None
    with ExitStack() as stack:
        if name == "replay":
            cloud = replay_cloud(cassettes, report_unused)
        elif name == "azure":
            cloud = azure_cloud(
                settings, cassettes=cassettes, record=record, run=run, service=service, workspace=workspace
            )
        else:
            running = endpoint or stack.enter_context(running_emulator(settings))
            cloud = emulator_cloud(running, settings, cassettes=cassettes, record=record, run=run, workspace=workspace)
        if recorded_for is not None:
            cloud = replace(cloud, recorded_for=recorded_for)
        stack.callback(cloud.close)
        yield cloud

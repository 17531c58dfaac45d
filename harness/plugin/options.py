"""The plugin's command-line options: where scenarios run, whether they are recorded, which values are fixed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from _pytest.mark.expression import Expression  # the only parser of -m; pytest has no public one

from harness import config as harness_config
from harness.errors import SettingsError, UserError
from harness.plugin.keywords import translate_expression
from harness.plugin.recorded_for import RECORDED_FOR, RecordedFor
from harness.scenario.set_option import parse_values
from harness.target import CLOUDS, SERVICES, CloudName, ServiceName, default_service, may_be_set


@dataclass(frozen=True)
class ScenarioOptions:
    """The plugin's options.

    Attributes:
        cloud: where scenarios run.
        service: the service that runs them.
        record: whether their requests and responses are written to cassettes.
        values: parameter name -> value as typed, from ``--set``.
        upload_from: directories that scenarios may upload from, besides their own folders.
    """

    cloud: CloudName = "replay"
    service: ServiceName = "batchai"
    record: bool = False
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    upload_from: tuple[Path, ...] = ()


SCENARIO_OPTIONS = pytest.StashKey[ScenarioOptions]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options as one group."""
    group = parser.getgroup("harness", "Azure Batch AI scenarios")
    group.addoption(
        "--cloud",
        choices=CLOUDS,
        help="where scenarios run; default: azure when -m selects live tests, else the setting cloud, else replay",
    )
    group.addoption(
        "--service",
        choices=SERVICES,
        help="the service that runs them; default: the setting service, else azureml in Azure and batchai elsewhere",
    )
    group.addoption("--record", action="store_true", help="write the cassettes of the scenarios that run")
    group.addoption(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="set_values",
        help="give a scenario's parameter a value; may be repeated",
    )
    group.addoption(
        "--upload-from",
        action="append",
        default=[],
        metavar="DIR",
        help="let scenarios upload files of this directory besides those of their own folder; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once, and refuse invalid combinations before the collection."""
    config.addinivalue_line("markers", "live: runs against the real Azure when selected with -m live")
    config.addinivalue_line(
        "markers", "scenario(path): the scenario file that a test's fixtures run; one test for each trial"
    )
    options = config.stash[SCENARIO_OPTIONS] = _read_options(config)
    if options.record:
        config.pluginmanager.register(RecordedFor(config.rootpath), RECORDED_FOR)
    config.option.keyword = translate_expression(config.option.keyword)


def _read_options(config: pytest.Config) -> ScenarioOptions:
    # Precedence: an option, the implication of -m, a setting, the default.
    set_cloud, set_service = _settings(config)
    implied: CloudName | None = "azure" if _selects_live(config.getoption("markexpr", "") or "") else None
    cloud: CloudName = config.getoption("cloud") or implied or set_cloud or "replay"
    service: ServiceName = config.getoption("service") or set_service or default_service(cloud)
    record = bool(config.getoption("record"))
    if record and cloud == "replay":
        raise pytest.UsageError("--record needs a cloud to record: add --cloud emulator or --cloud azure")
    if record and _is_distributed(config):
        raise pytest.UsageError("--record writes one cassette at a time: run it without -n (or with -n 0)")
    try:
        values = parse_values(config.getoption("set_values"))
    except UserError as error:
        raise pytest.UsageError(str(error)) from None
    upload_from = tuple(config.invocation_params.dir / path for path in config.getoption("upload_from"))
    return ScenarioOptions(cloud, service, record, MappingProxyType(values), upload_from)


def _settings(config: pytest.Config) -> tuple[CloudName | None, ServiceName | None]:
    """The settings of cloud and service; settings are read only if they may have one, since reading takes time."""
    if not may_be_set(config.rootpath):
        return None, None
    try:
        settings = harness_config.load_settings(config.rootpath)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    return settings.cloud, settings.service


def _selects_live(expression: str) -> bool:
    """Whether a -m expression selects a test with the mark ``live`` and not a test without marks."""
    if not expression:
        return False
    try:
        compiled = Expression.compile(expression)
    except SyntaxError:
        return False  # pytest reports it when it selects
    return compiled.evaluate(_is_live) and not compiled.evaluate(_has_no_mark)


def _is_live(name: str, /, **_: str | int | bool | None) -> bool:
    return name == "live"


def _has_no_mark(_name: str, /, **_: str | int | bool | None) -> bool:
    return False


def worker_input(config: pytest.Config) -> Mapping[str, Any]:
    """The input that pytest-xdist gave to this worker; empty in a session without workers, and in the controller."""
    workerinput: Mapping[str, Any] = getattr(config, "workerinput", {})
    return workerinput


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several that pytest-xdist has started."""
    return bool(worker_input(config))


def _is_distributed(config: pytest.Config) -> bool:
    return is_worker(config) or bool(config.getoption("numprocesses", None)) or bool(config.getoption("tx", None))

"""The pytest plugin: where scenarios run, whether they are recorded, and the values that are fixed.

Registered by entry point. Nothing of Azure is imported here, so a project without scenarios pays nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import pytest
from _pytest.mark.expression import Expression  # the only parser of -m; pytest has no public one

if TYPE_CHECKING:
    from harness.clouds import Cloud

CloudName = Literal["replay", "emulator", "azure"]

_CLOUDS: tuple[CloudName, ...] = get_args(CloudName)


@dataclass(frozen=True)
class ScenarioOptions:
    """What the command line says about scenarios.

    Attributes:
        cloud: where they run.
        record: whether their traffic is written to cassettes.
        values: parameter name -> value as typed, from ``--set``.
    """

    cloud: CloudName = "replay"
    record: bool = False
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


SCENARIO_OPTIONS = pytest.StashKey[ScenarioOptions]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of one group."""
    group = parser.getgroup("harness", "Azure Batch AI scenarios")
    group.addoption(
        "--cloud",
        choices=_CLOUDS,
        help="where scenarios run; default: replay, or azure when -m selects what is live",
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


def pytest_configure(config: pytest.Config) -> None:
    """Read the options once, and refuse what cannot work before anything is collected."""
    config.addinivalue_line("markers", "live: runs against the real Azure when it is selected with -m live")
    config.stash[SCENARIO_OPTIONS] = _read_options(config)


@pytest.fixture
def offline() -> Iterator[None]:
    """No network connection can be opened while the test runs; the attempt fails and names the host."""
    from harness.recording.guard import blocked_sockets  # noqa: PLC0415 - start-up stays cheap

    with blocked_sockets():
        yield


@pytest.fixture(scope="session")
def cloud(pytestconfig: pytest.Config) -> Iterator["Cloud"]:
    """The cloud that ``--cloud`` names, with the settings and cassettes of the project's root directory.

    Raises:
        SettingsError: a setting that this cloud needs is missing.
    """
    from harness.clouds import open_cloud  # noqa: PLC0415 - start-up stays cheap
    from harness.config import load_settings  # noqa: PLC0415

    options = pytestconfig.stash[SCENARIO_OPTIONS]
    root = pytestconfig.rootpath
    with open_cloud(options.cloud, load_settings(root), cassettes=root / "cassettes", record=options.record) as opened:
        yield opened


def _read_options(config: pytest.Config) -> ScenarioOptions:
    # An explicit --cloud wins over what -m implies, which wins over the default.
    implied: CloudName = "azure" if _selects_live(config.getoption("markexpr", "") or "") else "replay"
    cloud: CloudName = config.getoption("cloud") or implied
    record = bool(config.getoption("record"))
    if record and cloud == "replay":
        raise pytest.UsageError("--record needs a cloud to record: add --cloud emulator or --cloud azure")
    if record and _is_distributed(config):
        raise pytest.UsageError("--record writes one story at a time: run it without -n (or with -n 0)")
    return ScenarioOptions(cloud, record, MappingProxyType(_values(config.getoption("set_values"))))


def _selects_live(expression: str) -> bool:
    """Whether a -m expression holds for a test with the mark ``live`` and not for one without."""
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


def _is_distributed(config: pytest.Config) -> bool:
    is_worker = hasattr(config, "workerinput")
    return is_worker or bool(config.getoption("numprocesses", None)) or bool(config.getoption("tx", None))


def _values(words: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name.strip() or not equals:
            raise pytest.UsageError(f"--set {word}: write NAME=VALUE, for example --set epochs=5")
        values[name.strip()] = value
    return values

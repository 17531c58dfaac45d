"""Settings: the only reader of the environment, ``harness.toml`` and ``.env``."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from harness.errors import SettingsError
from harness.suggestions import nearest, suggestion
from harness.target import DEFAULT_SERVICE, CloudName, ServiceName
from harness.validation_messages import in_words

SETTINGS_FILE = "harness.toml"
ENVIRONMENT_FILE = ".env"

_PREFIX = "HARNESS_"
_NEARLY = (
    0.8  # how alike a misspelt variable and a setting are; Harness CI sets HARNESS_ACCOUNT_ID, 0.63 from TENANT_ID
)


def _azure(name: str, description: str) -> Any:
    """A setting that Azure's own tools name too."""
    choices = AliasChoices(name, f"{_PREFIX}{name.upper()}", f"AZURE_{name.upper()}")
    return Field(default=None, validation_alias=choices, description=description)


class Settings(BaseSettings):
    """Everything that differs between users and machines; nothing that belongs in a scenario."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )

    tenant_id: str | None = _azure("tenant_id", "directory (tenant) that the service principal belongs to")
    client_id: str | None = _azure("client_id", "application id of the service principal")
    client_secret: SecretStr | None = _azure(
        "client_secret", "its secret; without one, azure signs in as az, a managed identity and the like do"
    )
    subscription_id: str | None = _azure("subscription_id", "subscription that resources are created in")
    storage_account: str | None = Field(
        default=None, description="existing storage account that holds the shares; the emulator has its own"
    )
    storage_key: SecretStr | None = Field(default=None, description="key of that account")
    admin_user: str | None = Field(default=None, description="administrator of the cluster's nodes")
    admin_password: SecretStr | None = Field(default=None, description="the administrator's password")
    cloud: CloudName | None = Field(
        default=None, description="where scenarios run: replay, emulator or azure; a file cannot name azure"
    )
    service: ServiceName = Field(default=DEFAULT_SERVICE, description="the service that scenarios run on: batchai")
    azureml_resource_group: str | None = Field(
        default=None, description="resource group of an existing Azure Machine Learning workspace"
    )
    azureml_workspace: str | None = Field(default=None, description="an existing Azure Machine Learning workspace")
    mnist_dir: Path | None = Field(default=None, description="directory with MNIST's idx files, packed or not")
    cntk_python: Path | None = Field(default=None, description="Python interpreter with real CNTK installed")
    emulator_dir: Path | None = Field(
        default=None, description="data directory of an emulator to use; without one, every run starts its own"
    )
    runs_dir: Path = Field(default=Path("runs"), description="directory that gets one folder a run")
    journal: Path | None = Field(
        default=None, description="file that lists what exists in a cloud; default below XDG_STATE_HOME"
    )
    lifetime: timedelta = Field(
        default=timedelta(days=1),
        gt=timedelta(0),
        description="how long what a run creates is meant to live, ISO 8601; harness reap deletes it afterwards",
    )
    max_node_hours: float | None = Field(default=None, gt=0, description="node-hours that one run may use at most")
    max_price: float | None = Field(default=None, gt=0, description="what one run may cost at most, as vm_price counts")
    vm_price: float | None = Field(
        default=None,
        gt=0,
        description="price of a node-hour; default the last list price of the VM size, USD",
    )

    def require(self, name: str) -> str:
        """The value of a setting that cannot be done without, a secret in clear.

        Raises:
            SettingsError: it has none; the message names every place that it can come from.
        """
        value = getattr(self, name)
        if not value:
            raise SettingsError(f"the setting {name} has no value; give it as {_places(name)}")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def secrets(self) -> dict[str, str]:
        """The secret settings that have a value, in clear, by name: what no output may hold."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value.get_secret_value() for name, value in values.items() if isinstance(value, SecretStr)}


def load_settings(directory: Path) -> Settings:
    """The settings for work in a directory: environment over ``.env`` over ``harness.toml`` over defaults.

    Args:
        directory: where ``.env`` and ``harness.toml`` are looked for; neither has to be there.

    Raises:
        SettingsError: a file is unreadable, a value is of the wrong type, ``harness.toml`` has a key that is no
            setting, or a variable ``HARNESS_...`` is nearly the name of one; no value is shown.
    """

    class Located(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = TomlConfigSettingsSource(settings_cls, directory / SETTINGS_FILE)
            return init_settings, env_settings, dotenv_settings, toml, file_secret_settings

    _refuse_unknown(directory / SETTINGS_FILE)
    _refuse_misspelt("the environment", os.environ)
    try:
        _refuse_misspelt(
            ENVIRONMENT_FILE, DotEnvSettingsSource(Settings, env_file=directory / ENVIRONMENT_FILE).env_vars
        )
        settings = Located(_env_file=directory / ENVIRONMENT_FILE)  # type: ignore[call-arg]  # pydantic-settings' own parameter
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, item['loc']))}: {in_words(item)}" for item in error.errors()]
        raise SettingsError("settings are wrong: " + "; ".join(mistakes)) from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"the settings in {directory} cannot be read: {error}") from error
    if settings.cloud == "azure" and EnvSettingsSource(Settings)().get("cloud") != "azure":
        raise SettingsError(
            f"a file in {directory} sets cloud = azure: files that may come with a project do not choose what costs "
            "money; write --cloud azure, or set HARNESS_CLOUD in the environment"
        )
    return settings


def trace_settings(directory: Path) -> dict[str, str]:
    """Where each setting that has a value gets it from: ``environment``, ``.env`` or ``harness.toml``; never the value.

    Raises:
        SettingsError: a file is unreadable.
    """
    toml, dotenv = directory / SETTINGS_FILE, directory / ENVIRONMENT_FILE
    _refuse_unknown(toml)
    sources: dict[str, PydanticBaseSettingsSource] = {
        SETTINGS_FILE: TomlConfigSettingsSource(Settings, toml),
        ENVIRONMENT_FILE: DotEnvSettingsSource(Settings, env_file=dotenv),
        "environment": EnvSettingsSource(Settings),
    }
    try:
        found = {name: place for place, source in sources.items() for name, value in source().items() if value}
    except (OSError, ValueError) as error:
        raise SettingsError(f"the settings in {directory} cannot be read: {error}") from error
    return {name: found[name] for name in Settings.model_fields if name in found}


def environment() -> Mapping[str, str]:
    """A copy of the process's environment, for those who look up places and programs in it."""
    return dict(os.environ)


def journal_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The journal that runs write and ``harness reap`` reads, wherever they are started.

    The setting ``journal``, else ``batchai-harness/journal.jsonl`` below ``XDG_STATE_HOME`` (``~/.local/state``).
    """
    return settings.journal or _user_directory(environ, "XDG_STATE_HOME", ".local/state") / "journal.jsonl"


def mnist_cache(environ: Mapping[str, str]) -> Path:
    """Where ``harness data mnist`` keeps the idx files: ``batchai-harness/mnist`` below ``XDG_CACHE_HOME``."""
    return _user_directory(environ, "XDG_CACHE_HOME", ".cache") / "mnist"


def _user_directory(environ: Mapping[str, str], variable: str, default: str) -> Path:
    # The XDG specification: a relative path is to be ignored.
    chosen = Path(environ.get(variable) or "")
    root = chosen if chosen.is_absolute() else Path(environ.get("HOME") or Path.home()) / default
    return root / "batchai-harness"


def _refuse_unknown(file: Path) -> None:
    try:
        keys = list(tomllib.loads(file.read_text(encoding="utf-8"))) if file.exists() else []
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    for key in keys:
        if key not in Settings.model_fields:
            raise SettingsError(f"{file}: there is no setting {key!r}; {suggestion(key, Settings.model_fields)}")


def _refuse_misspelt(place: str, names: Iterable[str]) -> None:
    """Refuse a variable with our prefix that is nearly the name of a setting; others' variables may have the prefix."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in names:
        word = name.upper()
        if not word.startswith(_PREFIX) or word in known:
            continue
        near = nearest(word.removeprefix(_PREFIX), Settings.model_fields, cutoff=_NEARLY)
        if near:
            raise SettingsError(f"{place}: there is no setting {name}; did you mean {_PREFIX}{near.upper()}?")


def _places(name: str) -> str:
    variables = [f"{_PREFIX}{name.upper()}"]
    if Settings.model_fields[name].validation_alias is not None:
        variables.append(f"AZURE_{name.upper()}")
    return f"{' or '.join(variables)} in the environment or in .env, or as {name} in harness.toml"

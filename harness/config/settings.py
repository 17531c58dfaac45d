"""Settings: the only reader of the environment and of the files that hold settings.

``harness.toml`` and ``.env`` are in the directory where a command runs, and may come with another person's project.
Therefore they cannot choose a program to execute or a cloud that costs money, and names and ids are checked, because
they decide where requests with credentials go.
"""

import os
import stat
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from harness.config.azure_names import ACCOUNT, GROUP, GUID, MEANINGS, TENANT, WORKSPACE
from harness.config.user_directories import user_directory, user_settings_file
from harness.errors import SettingsError
from harness.suggestions import nearest, suggestion
from harness.target import CloudName, ServiceName
from harness.validation_messages import describe_mistake

SETTINGS_FILE = "harness.toml"
ENVIRONMENT_FILE = ".env"
ENVIRONMENT = "environment"

_PREFIX = "HARNESS_"
# The similarity from which a variable is a misspelt setting; Harness CI sets HARNESS_ACCOUNT_ID, 0.63 from TENANT_ID.
_LEAST_SIMILARITY = 0.8
_LARGEST = 1 << 20  # bytes of a settings file
# Settings that a project's files cannot set, and what they choose.
OWN_SETTINGS = {
    "cntk_python": "a program that is executed",
    "study_storage": "a database, whose records can hold code that is executed",  # pickles, of the sampler cmaes
}


def _azure(name: str, description: str, pattern: str | None = None) -> Any:
    """Define a setting that has an environment variable ``AZURE_...`` of Azure's tools, too."""
    choices = AliasChoices(name, f"{_PREFIX}{name.upper()}", f"AZURE_{name.upper()}")
    return Field(default=None, validation_alias=choices, description=description, pattern=pattern)


def _absolute(path: Path) -> Path:
    if not path.expanduser().is_absolute():
        raise ValueError("must be an absolute path")
    return path.expanduser()


class Settings(BaseSettings):
    """Values that differ between users and machines, and do not belong in a scenario."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    tenant_id: str | None = _azure("tenant_id", "directory (tenant) that the service principal belongs to", TENANT)
    client_id: str | None = _azure("client_id", "application id of the service principal", GUID)
    client_secret: SecretStr | None = _azure(
        "client_secret", "its secret; without one, the cloud azure signs in with az, a managed identity or the like"
    )
    subscription_id: str | None = _azure("subscription_id", "subscription that resources are created in", GUID)
    storage_account: str | None = Field(
        default=None,
        pattern=ACCOUNT,
        description="existing storage account that holds the shares; the emulator has its own",
    )
    storage_key: SecretStr | None = Field(default=None, description="key of the storage account")
    storage_auth: Literal["key", "identity"] = Field(
        default="key",
        description="credential for the storage account: its key, or your sign-in (identity) if a policy forbids keys; "
        "identity is for containers on Azure Machine Learning only",
    )
    admin_user: str | None = Field(default=None, description="administrator of the cluster's nodes")
    admin_password: SecretStr | None = Field(default=None, description="the administrator's password")
    cloud: CloudName | None = Field(
        default=None, description="where scenarios run: replay, emulator or azure; a project's files cannot set azure"
    )
    service: ServiceName | None = Field(
        default=None,
        description="service that scenarios use: azureml or batchai; default azureml in Azure, else batchai",
    )
    azureml_resource_group: str | None = Field(
        default=None, pattern=GROUP, description="resource group of an existing Azure Machine Learning workspace"
    )
    azureml_workspace: str | None = Field(
        default=None,
        pattern=WORKSPACE,
        description="an existing Azure Machine Learning workspace; without one, each run creates and deletes its own",
    )
    azureml_images: dict[str, str] = Field(
        default_factory=dict,
        description="container images for Azure Machine Learning by pattern of the image that a scenario names; "
        "the empty pattern is for jobs that name none",
    )
    container_images: dict[Annotated[str, Field(pattern="^[^=]+$")], Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="container images that an emulator runs in place of others, by pattern of the image that a job "
        "names; its options --image take precedence",
    )
    mnist_dir: Path | None = Field(default=None, description="directory with MNIST's idx files, compressed or not")
    cntk_python: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="Python interpreter with real CNTK installed; a project's files cannot set it"
    )
    emulator_dir: Path | None = Field(
        default=None, description="data directory of an emulator to use; without one, every run starts its own"
    )
    runs_dir: Path = Field(default=Path("runs"), description="directory with a subdirectory for each run")
    journal: Path | None = Field(
        default=None, description="file that lists what runs have created in a cloud; default below XDG_STATE_HOME"
    )
    lifetime: timedelta = Field(
        default=timedelta(days=1),
        gt=timedelta(0),
        description="lifetime of the resources of a run, ISO 8601; harness reap deletes them afterwards",
    )
    max_node_hours: float | None = Field(default=None, gt=0, description="largest number of node-hours of a run")
    study_storage: SecretStr | None = Field(
        default=None, description="URL of the database that keeps the trials of searches, instead of the run directory"
    )
    max_price: float | None = Field(
        default=None, gt=0, description="largest price of a run, in the currency of vm_price"
    )
    vm_price: float | None = Field(
        default=None,
        gt=0,
        description="price of a node-hour; default the last list price of the VM size, USD",
    )

    def require(self, name: str) -> str:
        """Return the value of a required setting; a secret in plain text.

        Raises:
            SettingsError: the setting has no value; the message names all its possible sources.
        """
        value = getattr(self, name)
        if not value:
            raise SettingsError(f"the setting {name} has no value; set it as {_sources(name)}")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def secrets(self) -> dict[str, str]:
        """Return the values of secret settings in plain text, by name; no output may contain them."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value.get_secret_value() for name, value in values.items() if isinstance(value, SecretStr)}


def load_settings(directory: Path) -> Settings:
    """Load the settings for work in a directory.

    The precedence is: the environment, ``.env``, ``harness.toml``, the user's own file, the defaults.

    Args:
        directory: the directory of ``.env`` and ``harness.toml``, which need not exist.

    Raises:
        SettingsError: a file is unreadable, has an unknown key or sets a setting that it may not set, a variable
            ``HARNESS_...`` is nearly the name of a setting, or a value is wrong; no value is shown.
    """
    candidates = _read_sources(directory)
    chosen = {name: _choose(name, values, directory) for name, values in candidates.items()}
    try:
        settings = Settings.model_validate(chosen)
    except ValidationError as error:
        mistakes = [_mistake(item, candidates) for item in error.errors()]
        raise SettingsError("settings are wrong: " + "; ".join(mistakes)) from None
    if settings.cloud == "azure" and not is_own(candidates["cloud"][0][0]):
        raise SettingsError(
            f"a file in {directory} sets cloud = azure: files that may come with a project cannot choose a cloud that "
            "costs money; use --cloud azure, or set HARNESS_CLOUD in the environment"
        )
    return settings


def trace_settings(directory: Path) -> dict[str, str]:
    """Return the origin of each setting that has a value: ``environment``, or the name of a file.

    Raises:
        SettingsError: a file is unreadable or has an unknown key, or a variable is nearly the name of a setting.
    """
    candidates = _read_sources(directory)
    return {name: candidates[name][0][0] for name in Settings.model_fields if name in candidates}


def is_own(origin: str) -> bool:
    """Whether an origin that ``trace_settings`` returns is the user's own, and cannot have come with a project."""
    return origin not in (SETTINGS_FILE, ENVIRONMENT_FILE)


_Candidates = Mapping[str, Sequence[tuple[str, object]]]  # by setting: origins and values, in the order of precedence


def _read_sources(directory: Path) -> _Candidates:
    """Read the values of the settings, with their origins; an empty value counts as no value.

    Raises:
        SettingsError: a file is unreadable or has an unknown key, or a variable is nearly the name of a setting.
    """
    project, own = directory / SETTINGS_FILE, user_settings_file(environment())
    for file in (project, own):
        _refuse_unknown(file)
    _refuse_large(directory / ENVIRONMENT_FILE)
    _refuse_misspelt("the environment", os.environ)
    candidates: dict[str, list[tuple[str, object]]] = {}
    try:
        dotenv = DotEnvSettingsSource(Settings, env_file=directory / ENVIRONMENT_FILE)
        _refuse_misspelt(ENVIRONMENT_FILE, dotenv.env_vars)
        sources: dict[str, PydanticBaseSettingsSource] = {
            ENVIRONMENT: EnvSettingsSource(Settings),
            ENVIRONMENT_FILE: dotenv,
            SETTINGS_FILE: TomlConfigSettingsSource(Settings, project),
            str(own): TomlConfigSettingsSource(Settings, own),
        }
        for origin, source in sources.items():
            for name, value in source().items():
                if value not in (None, ""):
                    candidates.setdefault(name, []).append((origin, value))
    except (OSError, ValueError) as error:
        raise SettingsError(f"the settings in {directory} cannot be read: {error}") from error
    return candidates


def _mistake(item: ErrorDetails, candidates: _Candidates) -> str:
    name = str(item["loc"][0])
    origin = f" ({candidates[name][0][0]})" if name in candidates else ""
    return f"{name}{origin} {describe_mistake(item, MEANINGS)}"


def _choose(name: str, values: Sequence[tuple[str, object]], directory: Path) -> object:
    """Return the value of a setting, chosen from its candidates.

    Raises:
        SettingsError: the setting needs the user's own file or environment, and only a project's file sets it.
    """
    own = [value for origin, value in values if is_own(origin)]
    if name not in OWN_SETTINGS:
        return values[0][1]
    if own:
        return own[0]
    variable, file = f"{_PREFIX}{name.upper()}", user_settings_file(environment())
    raise SettingsError(
        f"{directory / values[0][0]} sets {name}: files that may come with a project cannot choose "
        f"{OWN_SETTINGS[name]}; set {variable} in the environment, or {name} in {file}"
    )


def environment() -> Mapping[str, str]:
    """Return a copy of the process's environment, for code that looks up directories and programs in it."""
    return dict(os.environ)


def journal_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the path of the journal, which runs write and ``harness reap`` reads from any directory.

    It is the setting ``journal``, else ``batchai-harness/journal.jsonl`` below ``XDG_STATE_HOME`` (``~/.local/state``).
    """
    return settings.journal or user_directory(environ, "XDG_STATE_HOME", ".local/state") / "journal.jsonl"


def _refuse_large(file: Path) -> None:
    """Refuse a large file, a pipe or a device before it is read as settings."""
    try:
        status = file.stat()
    except OSError:
        return  # the code that reads the file reports the error
    if not stat.S_ISDIR(status.st_mode) and (not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST):
        raise SettingsError(f"{file} cannot be read: it is not a regular file of at most {_LARGEST >> 20} MiB")


def _refuse_unknown(file: Path) -> None:
    _refuse_large(file)
    try:
        keys = list(tomllib.loads(file.read_text(encoding="utf-8"))) if file.exists() else []
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    for key in keys:
        if key not in Settings.model_fields:
            raise SettingsError(f"{file}: there is no setting {key!r}; {suggestion(key, Settings.model_fields)}")


def _refuse_misspelt(origin: str, names: Iterable[str]) -> None:
    """Refuse a misspelt setting: a variable with the prefix HARNESS_, which other programs may use, too."""
    variables = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in names:
        word = name.upper()
        if not word.startswith(_PREFIX) or word in variables:
            continue
        near = nearest(word.removeprefix(_PREFIX), Settings.model_fields, cutoff=_LEAST_SIMILARITY)
        if near:
            raise SettingsError(f"{origin}: there is no setting {name}; did you mean {_PREFIX}{near.upper()}?")


def _sources(name: str) -> str:
    """Name all sources of a setting."""
    variables = [f"{_PREFIX}{name.upper()}"]
    if Settings.model_fields[name].validation_alias is not None:
        variables.append(f"AZURE_{name.upper()}")
    own = user_settings_file(environment())
    return f"{' or '.join(variables)} in the environment or in .env, or as {name} in harness.toml or in {own}"

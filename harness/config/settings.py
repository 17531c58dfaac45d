"""Settings: the only reader of the environment and of the files that hold settings.

``harness.toml`` and ``.env`` lie in the directory where a command runs, and may have come with somebody else's project.
They do not choose what is executed, nor a cloud that costs money, and names and ids are checked, because
requests with credentials go where they say.
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
from harness.validation_messages import in_words

SETTINGS_FILE = "harness.toml"
ENVIRONMENT_FILE = ".env"
ENVIRONMENT = "environment"

_PREFIX = "HARNESS_"
# How alike a misspelt variable and a setting are; Harness CI sets HARNESS_ACCOUNT_ID, 0.63 from TENANT_ID.
_NEARLY = 0.8
_LARGEST = 1 << 20  # bytes of a file of settings
# Settings that a project's files cannot make, and what they would choose.
OWN_SETTINGS = {
    "cntk_python": "a program that is executed",
    "study_storage": "a database, whose records can hold code that is executed",  # pickles, of the sampler cmaes
}


def _azure(name: str, description: str, pattern: str | None = None) -> Any:
    """A setting that Azure's own tools name too."""
    choices = AliasChoices(name, f"{_PREFIX}{name.upper()}", f"AZURE_{name.upper()}")
    return Field(default=None, validation_alias=choices, description=description, pattern=pattern)


def _absolute(path: Path) -> Path:
    if not path.expanduser().is_absolute():
        raise ValueError("must be an absolute path")
    return path.expanduser()


class Settings(BaseSettings):
    """Everything that differs between users and machines; nothing that belongs in a scenario."""

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
        "client_secret", "its secret; without one, azure signs in as az, a managed identity and the like do"
    )
    subscription_id: str | None = _azure("subscription_id", "subscription that resources are created in", GUID)
    storage_account: str | None = Field(
        default=None,
        pattern=ACCOUNT,
        description="existing storage account that holds the shares; the emulator has its own",
    )
    storage_key: SecretStr | None = Field(default=None, description="key of that account")
    storage_auth: Literal["key", "identity"] = Field(
        default="key",
        description="how that account is reached: with its key, or with the sign-in, where a policy forbids keys; the "
        "latter for containers on Azure Machine Learning alone",
    )
    admin_user: str | None = Field(default=None, description="administrator of the cluster's nodes")
    admin_password: SecretStr | None = Field(default=None, description="the administrator's password")
    cloud: CloudName | None = Field(
        default=None, description="where scenarios run: replay, emulator or azure; a file cannot name azure"
    )
    service: ServiceName | None = Field(
        default=None,
        description="the service that scenarios run on: azureml or batchai; default azureml in Azure, else batchai",
    )
    azureml_resource_group: str | None = Field(
        default=None, pattern=GROUP, description="resource group of an existing Azure Machine Learning workspace"
    )
    azureml_workspace: str | None = Field(
        default=None,
        pattern=WORKSPACE,
        description="an existing Azure Machine Learning workspace; without one, each run makes and deletes its own",
    )
    azureml_images: dict[str, str] = Field(
        default_factory=dict,
        description="container images for Azure Machine Learning by pattern of the image that a scenario names; "
        "the empty pattern is for jobs that name none",
    )
    container_images: dict[Annotated[str, Field(pattern="^[^=]+$")], Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="container images that an emulator runs in place of others, by pattern of the image that a job "
        "names; options --image of its start come first",
    )
    mnist_dir: Path | None = Field(default=None, description="directory with MNIST's idx files, packed or not")
    cntk_python: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="Python interpreter with real CNTK installed; a project's files cannot name it"
    )
    emulator_dir: Path | None = Field(
        default=None, description="data directory of an emulator to use; without one, every run starts its own"
    )
    runs_dir: Path = Field(default=Path("runs"), description="directory that gets one directory a run")
    journal: Path | None = Field(
        default=None, description="file that lists what exists in a cloud; default below XDG_STATE_HOME"
    )
    lifetime: timedelta = Field(
        default=timedelta(days=1),
        gt=timedelta(0),
        description="how long what a run creates is meant to live, ISO 8601; harness reap deletes it afterwards",
    )
    max_node_hours: float | None = Field(default=None, gt=0, description="node-hours that one run may use at most")
    study_storage: SecretStr | None = Field(
        default=None, description="URL of the database that keeps the trials of searches, instead of the run directory"
    )
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
    """The settings for work in a directory.

    The environment wins over ``.env``, that over ``harness.toml``, that over the user's own file, and that over the
    defaults.

    Args:
        directory: where ``.env`` and ``harness.toml`` are looked for; neither has to be there.

    Raises:
        SettingsError: a file is unreadable, has a key that is no setting or sets what it may not set, a variable
            ``HARNESS_...`` is nearly the name of a setting, or a value is wrong; no value is shown.
    """
    found = _found(directory)
    chosen = {name: _chosen(name, values, directory) for name, values in found.items()}
    try:
        settings = Settings.model_validate(chosen)
    except ValidationError as error:
        mistakes = [_mistake(item, found) for item in error.errors()]
        raise SettingsError("settings are wrong: " + "; ".join(mistakes)) from None
    if settings.cloud == "azure" and not is_own(found["cloud"][0][0]):
        raise SettingsError(
            f"a file in {directory} sets cloud = azure: files that may come with a project do not choose what costs "
            "money; write --cloud azure, or set HARNESS_CLOUD in the environment"
        )
    return settings


def trace_settings(directory: Path) -> dict[str, str]:
    """Where each setting that has a value gets it from: ``environment``, or the name of a file; never the value.

    Raises:
        SettingsError: a file is unreadable, has a key that is no setting, or a variable is nearly the name of one.
    """
    found = _found(directory)
    return {name: found[name][0][0] for name in Settings.model_fields if name in found}


def is_own(place: str) -> bool:
    """Whether a place that ``trace_settings`` names is the user's own, and did not come with a project."""
    return place not in (SETTINGS_FILE, ENVIRONMENT_FILE)


_Found = Mapping[str, Sequence[tuple[str, object]]]  # by setting: places and values, the one that wins first


def _found(directory: Path) -> _Found:
    """The values of the settings, and where they come from; empty ones count as none.

    Raises:
        SettingsError: a file is unreadable, has a key that is no setting, or a variable is nearly the name of one.
    """
    project, own = directory / SETTINGS_FILE, user_settings_file(environment())
    for file in (project, own):
        _refuse_unknown(file)
    _refuse_large(directory / ENVIRONMENT_FILE)
    _refuse_misspelt("the environment", os.environ)
    found: dict[str, list[tuple[str, object]]] = {}
    try:
        dotenv = DotEnvSettingsSource(Settings, env_file=directory / ENVIRONMENT_FILE)
        _refuse_misspelt(ENVIRONMENT_FILE, dotenv.env_vars)
        sources: dict[str, PydanticBaseSettingsSource] = {
            ENVIRONMENT: EnvSettingsSource(Settings),
            ENVIRONMENT_FILE: dotenv,
            SETTINGS_FILE: TomlConfigSettingsSource(Settings, project),
            str(own): TomlConfigSettingsSource(Settings, own),
        }
        for place, source in sources.items():
            for name, value in source().items():
                if value not in (None, ""):
                    found.setdefault(name, []).append((place, value))
    except (OSError, ValueError) as error:
        raise SettingsError(f"the settings in {directory} cannot be read: {error}") from error
    return found


def _mistake(item: ErrorDetails, found: _Found) -> str:
    name = str(item["loc"][0])
    place = f" ({found[name][0][0]})" if name in found else ""
    return f"{name}{place} {in_words(item, MEANINGS)}"


def _chosen(name: str, values: Sequence[tuple[str, object]], directory: Path) -> object:
    """The value of a setting, of those that there are.

    Raises:
        SettingsError: only a file that may have come with a project sets what it may not set.
    """
    own = [value for place, value in values if is_own(place)]
    if name not in OWN_SETTINGS:
        return values[0][1]
    if own:
        return own[0]
    variable, file = f"{_PREFIX}{name.upper()}", user_settings_file(environment())
    raise SettingsError(
        f"{directory / values[0][0]} sets {name}: files that may come with a project do not choose "
        f"{OWN_SETTINGS[name]}; set {variable} in the environment, or {name} in {file}"
    )


def environment() -> Mapping[str, str]:
    """A copy of the process's environment, for those who look up places and programs in it."""
    return dict(os.environ)


def journal_path(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The journal that runs write and ``harness reap`` reads, wherever they are started.

    The setting ``journal``, else ``batchai-harness/journal.jsonl`` below ``XDG_STATE_HOME`` (``~/.local/state``).
    """
    return settings.journal or user_directory(environ, "XDG_STATE_HOME", ".local/state") / "journal.jsonl"


def _refuse_large(file: Path) -> None:
    """Refuse what holds no settings, before it is read: a large file, a pipe or a device."""
    try:
        status = file.stat()
    except OSError:
        return  # who reads it reports that
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
    own = user_settings_file(environment())
    return f"{' or '.join(variables)} in the environment or in .env, or as {name} in harness.toml or in {own}"

"""Settings: the only reader of the environment, ``harness.toml`` and ``.env``."""

from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from harness.errors import SettingsError

_PREFIX = "HARNESS_"


def _azure(name: str) -> Any:
    """A setting that Azure's own tools name too."""
    choices = AliasChoices(name, f"{_PREFIX}{name.upper()}", f"AZURE_{name.upper()}")
    return Field(default=None, validation_alias=choices)


class Settings(BaseSettings):
    """Everything that differs between users and machines; nothing that belongs in a scenario."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )

    tenant_id: str | None = _azure("tenant_id")
    client_id: str | None = _azure("client_id")
    client_secret: SecretStr | None = _azure("client_secret")
    subscription_id: str | None = _azure("subscription_id")
    storage_account: str | None = None
    storage_key: SecretStr | None = None
    admin_user: str | None = None
    admin_password: SecretStr | None = None
    mnist_dir: Path | None = None
    cntk_python: Path | None = None
    emulator_dir: Path | None = None
    runs_dir: Path = Path("runs")

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
        SettingsError: a file is unreadable or a value is of the wrong type; no value is shown.
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
            toml = TomlConfigSettingsSource(settings_cls, directory / "harness.toml")
            return init_settings, env_settings, dotenv_settings, toml, file_secret_settings

    try:
        return Located(_env_file=directory / ".env")  # type: ignore[call-arg]  # pydantic-settings' own parameter
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise SettingsError("settings are wrong: " + "; ".join(mistakes)) from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"the settings in {directory} cannot be read: {error}") from error


def _places(name: str) -> str:
    variables = [f"{_PREFIX}{name.upper()}"]
    if Settings.model_fields[name].validation_alias is not None:
        variables.append(f"AZURE_{name.upper()}")
    return f"{' or '.join(variables)} in the environment or in .env, or as {name} in harness.toml"

import os
from datetime import timedelta
from pathlib import Path

import pytest

from harness.config import Settings, journal_path, load_settings, mnist_cache, trace_settings
from harness.errors import SettingsError


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def own_file(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the user's own settings; the file does not exist."""
    home = tmp_path_factory.mktemp("configuration")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    (home / "batchai-harness").mkdir()
    return home / "batchai-harness" / "settings.toml"


def test_azures_own_name_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "contoso.onmicrosoft.com")
    assert load_settings(tmp_path).require("tenant_id") == "contoso.onmicrosoft.com"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "harness.toml").write_text('storage_account = "filed"\nadmin_user = "filed"\n')
    monkeypatch.setenv("HARNESS_STORAGE_ACCOUNT", "surrounding")
    settings = load_settings(tmp_path)
    assert (settings.storage_account, settings.admin_user) == ("surrounding", "filed")


def test_a_missing_value_names_every_source(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"HARNESS_TENANT_ID or AZURE_TENANT_ID .*\.env.*harness\.toml"):
        load_settings(tmp_path).require("tenant_id")


def test_a_secret_is_not_in_the_repr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "hush")
    assert "hush" not in repr(load_settings(tmp_path))


def test_a_broken_file_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text("= nonsense")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)


def test_a_misspelt_key_of_the_file_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text('storage_acount = "x"\n')
    with pytest.raises(SettingsError, match=r"no setting 'storage_acount'; did you mean 'storage_account'\?"):
        load_settings(tmp_path)


def test_the_origin_of_a_setting_is_returned_and_never_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harness.toml").write_text('storage_account = "filed"\nadmin_user = "filed"\n')
    (tmp_path / ".env").write_text("HARNESS_ADMIN_PASSWORD=hush\nHARNESS_ADMIN_USER=dotted\nFOREIGN=1\n")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hush")
    traced = trace_settings(tmp_path)
    assert traced == {
        "client_secret": "environment",
        "storage_account": "harness.toml",
        "admin_user": ".env",
        "admin_password": ".env",
    }


def test_the_journal_is_the_users_wherever_a_run_starts(tmp_path: Path) -> None:
    home = {"HOME": "/home/ada"}
    assert journal_path(Settings(), home) == Path("/home/ada/.local/state/batchai-harness/journal.jsonl")
    assert journal_path(Settings(), {**home, "XDG_STATE_HOME": "/state"}).parent == Path("/state/batchai-harness")
    assert journal_path(Settings(journal=tmp_path / "mine"), home) == tmp_path / "mine"


def test_a_relative_xdg_directory_is_ignored() -> None:
    assert mnist_cache({"HOME": "/home/ada", "XDG_CACHE_HOME": "here"}) == Path(
        "/home/ada/.cache/batchai-harness/mnist"
    )


def test_the_users_own_file_comes_after_the_projects(tmp_path: Path, own_file: Path) -> None:
    own_file.write_text('admin_user = "own"\nstorage_account = "own"\n')
    (tmp_path / "harness.toml").write_text('admin_user = "projects"\n')
    settings = load_settings(tmp_path)
    assert (settings.admin_user, settings.storage_account) == ("projects", "own")
    assert trace_settings(tmp_path) == {"admin_user": "harness.toml", "storage_account": str(own_file)}


def test_a_misspelt_key_of_the_users_own_file_is_refused(tmp_path: Path, own_file: Path) -> None:
    own_file.write_text('cntk_pyhton = "/opt/python"\n')
    with pytest.raises(SettingsError, match=rf"{own_file}: there is no setting 'cntk_pyhton'"):
        load_settings(tmp_path)


@pytest.mark.parametrize("name", ["harness.toml", ".env"])
def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(SettingsError, match=rf"{name} cannot be read: it is not a regular file of at most 1 MiB"):
        load_settings(tmp_path)


def test_a_link_to_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match=r"harness\.toml cannot be read: it is not a regular file"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"), [("harness.toml", 'study_storage = "x://y"\n'), (".env", "HARNESS_STUDY_STORAGE=x://y\n")]
)
def test_a_projects_file_does_not_choose_where_studies_are(tmp_path: Path, name: str, text: str) -> None:
    """Optuna unpickles what the sampler cmaes has kept there."""
    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=r"sets study_storage: .* set HARNESS_STUDY_STORAGE in the environment"):
        load_settings(tmp_path)


PROJECT_FILES = [("harness.toml", 'cntk_python = "tools/py"\n'), (".env", "HARNESS_CNTK_PYTHON=/x/tools/py\n")]


@pytest.mark.parametrize(("name", "text"), PROJECT_FILES)
def test_a_projects_file_does_not_choose_what_is_executed(tmp_path: Path, own_file: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    sentence = (
        rf"{tmp_path / name} sets cntk_python: .* set HARNESS_CNTK_PYTHON in the environment, or .* in {own_file}"
    )
    with pytest.raises(SettingsError, match=sentence):
        load_settings(tmp_path)


@pytest.mark.parametrize(("name", "text"), PROJECT_FILES)
def test_the_users_choice_of_a_program_holds_beside_a_projects_file(
    tmp_path: Path, own_file: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    own_file.write_text('cntk_python = "/own/python"\n')
    assert load_settings(tmp_path).cntk_python == Path("/own/python")
    monkeypatch.setenv("HARNESS_CNTK_PYTHON", "/environments/python")
    assert load_settings(tmp_path).cntk_python == Path("/environments/python")


def test_a_program_is_named_by_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CNTK_PYTHON", "tools/py")
    with pytest.raises(SettingsError, match=r"cntk_python \(environment\) must be an absolute path"):
        load_settings(tmp_path)
    monkeypatch.setenv("HARNESS_CNTK_PYTHON", "~/py")
    assert load_settings(tmp_path).cntk_python == Path.home() / "py"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("storage_account", "evil.example.com/x", "3 to 24 lower-case letters and digits"),
        ("storage_account", "evil.example.com#", "3 to 24 lower-case letters and digits"),
        ("storage_account", "two\\nlines", "3 to 24 lower-case letters and digits"),
        ("tenant_id", "../../evil", "a GUID or a domain name"),
        ("tenant_id", "evil.example.com/x?", "a GUID or a domain name"),
        ("client_id", "me", "a GUID, such as"),
        ("subscription_id", "x/../../y", "a GUID, such as"),
        ("azureml_resource_group", "a/../b", "at most 90 letters"),
        ("azureml_workspace", "a/b", "3 to 33 letters"),
    ],
)
def test_names_and_ids_follow_azures_rules_and_are_not_shown(tmp_path: Path, name: str, value: str, rule: str) -> None:
    (tmp_path / "harness.toml").write_text(f'{name} = "{value}"\n')
    with pytest.raises(SettingsError, match=rf"{name} \(harness\.toml\) must be {rule}") as error:
        load_settings(tmp_path)
    assert value not in str(error.value)


def test_an_empty_value_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "")
    (tmp_path / "harness.toml").write_text('storage_account = ""\ntenant_id = "contoso.com"\n')
    settings = load_settings(tmp_path)
    assert (settings.storage_account, settings.tenant_id) == (None, "contoso.com")


def test_a_lifetime_is_an_iso_duration(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text('lifetime = "PT6H"\n')
    assert load_settings(tmp_path).lifetime == timedelta(hours=6)


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_setting_is_in_the_docs() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()
    assert [name for name in Settings.model_fields if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HARNESS_STORAGE_ACOUNT", "HARNESS_STORAGE_ACCOUNT"),
        ("HARNESS_RUN_DIR", "HARNESS_RUNS_DIR"),
        ("HARNESS_ADMIN_PASWORD", "HARNESS_ADMIN_PASSWORD"),
        ("harness_cntk_pyton", "HARNESS_CNTK_PYTHON"),
    ],
)
def test_a_misspelt_variable_with_our_prefix_is_refused_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    (tmp_path / ".env").write_text(f"{name}=hush\n")
    with pytest.raises(SettingsError, match=rf"^\.env: there is no setting (?i:{name}); did you mean {meant}\?$"):
        load_settings(tmp_path)
    (tmp_path / ".env").unlink()
    monkeypatch.setenv(name, "hush")
    with pytest.raises(SettingsError, match=rf"^the environment: there is no setting {name}; did you mean {meant}"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "HARNESS_ACCOUNT_ID",
        "HARNESS_PROJECT_ID",
        "HARNESS_TEST_WORKERS",
        "HARNESS_STORAGE_CONNECTION_STRING",
        "RUN_DIR",
    ],
)
def test_variables_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "theirs")
    assert load_settings(tmp_path)


def test_a_wrong_value_is_reported_in_plain_words_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_MAX_PRICE", "hush")
    monkeypatch.setenv("HARNESS_LIFETIME", "-PT1H")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert "max_price (environment) must be a number" in str(caught.value)
    assert "lifetime (environment) must be greater than 0 seconds" in str(caught.value)
    assert "hush" not in str(caught.value)

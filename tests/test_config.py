import os
from datetime import timedelta
from pathlib import Path

import pytest

from harness.config import Settings, journal_path, load_settings, mnist_cache, trace_settings
from harness.errors import SettingsError


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch):
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)


def test_azures_own_name_works(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_TENANT_ID", "mine")
    assert load_settings(tmp_path).require("tenant_id") == "mine"


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "harness.toml").write_text('storage_account = "filed"\nadmin_user = "filed"\n')
    monkeypatch.setenv("HARNESS_STORAGE_ACCOUNT", "surrounding")
    settings = load_settings(tmp_path)
    assert (settings.storage_account, settings.admin_user) == ("surrounding", "filed")


def test_a_missing_value_names_every_place(tmp_path):
    with pytest.raises(SettingsError, match=r"HARNESS_TENANT_ID or AZURE_TENANT_ID .*\.env.*harness\.toml"):
        load_settings(tmp_path).require("tenant_id")


def test_a_secret_is_not_in_the_repr(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "hush")
    assert "hush" not in repr(load_settings(tmp_path))


def test_a_broken_file_is_a_settings_error(tmp_path):
    (tmp_path / "harness.toml").write_text("= nonsense")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)


def test_a_misspelt_key_of_the_file_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "harness.toml").write_text('storage_acount = "x"\n')
    with pytest.raises(SettingsError, match=r"no setting 'storage_acount'; did you mean 'storage_account'\?"):
        load_settings(tmp_path)


def test_the_place_of_a_setting_is_told_and_never_its_value(tmp_path, monkeypatch):
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


def test_the_journal_is_the_users_wherever_a_run_starts(tmp_path):
    home = {"HOME": "/home/ada"}
    assert journal_path(Settings(), home) == Path("/home/ada/.local/state/batchai-harness/journal.jsonl")
    assert journal_path(Settings(), {**home, "XDG_STATE_HOME": "/state"}).parent == Path("/state/batchai-harness")
    assert journal_path(Settings(journal=tmp_path / "mine"), home) == tmp_path / "mine"


def test_a_relative_xdg_directory_is_ignored():
    assert mnist_cache({"HOME": "/home/ada", "XDG_CACHE_HOME": "here"}) == Path(
        "/home/ada/.cache/batchai-harness/mnist"
    )


def test_a_lifetime_is_an_iso_duration(tmp_path):
    (tmp_path / "harness.toml").write_text('lifetime = "PT6H"\n')
    assert load_settings(tmp_path).lifetime == timedelta(hours=6)


def test_every_setting_is_described():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_every_setting_stands_in_the_docs():
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
    assert "max_price: must be a number" in str(caught.value)
    assert "lifetime: must be greater than 0 seconds" in str(caught.value)
    assert "hush" not in str(caught.value)

import pytest

from harness.config import load_settings
from harness.errors import SettingsError


def test_azures_own_name_works(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_TENANT_ID", "mine")
    assert load_settings(tmp_path).require("tenant_id") == "mine"


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "harness.toml").write_text('storage_account = "filed"\nadmin_user = "filed"\n')
    monkeypatch.setenv("HARNESS_STORAGE_ACCOUNT", "surrounding")
    settings = load_settings(tmp_path)
    assert (settings.storage_account, settings.admin_user) == ("surrounding", "filed")


def test_a_missing_value_names_every_place(tmp_path, monkeypatch):
    monkeypatch.delenv("AZURE_TENANT_ID", raising=False)
    with pytest.raises(SettingsError, match=r"HARNESS_TENANT_ID or AZURE_TENANT_ID .*\.env.*harness\.toml"):
        load_settings(tmp_path).require("tenant_id")


def test_a_secret_is_not_in_the_repr(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "hush")
    assert "hush" not in repr(load_settings(tmp_path))


def test_a_broken_file_is_a_settings_error(tmp_path):
    (tmp_path / "harness.toml").write_text("= nonsense")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)

"""Storage accounts, as other providers use them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.storage_service import Accounts, Trash
from harness.emulator.storage_service.accounts import new_key
from harness.emulator.storage_service.model import Share, StorageAccount, share_key
from harness.emulator.store import Store

NOW = datetime(2018, 6, 7, 21, 15, 30, tzinfo=UTC)
GROUP = "/subscriptions/s/resourceGroups/g"
KEY = "c2VjcmV0" * 8


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(":memory:")) as memory_store:
        yield memory_store


@pytest.fixture
def accounts(store: Store, tmp_path: Path) -> Accounts:
    result = Accounts(store, SteppingClock(NOW), root=tmp_path)
    result.put(StorageAccount("mine", "eastus", (KEY, new_key()), NOW, f"{GROUP}/providers/p/storageAccounts/mine"))
    return result


def refuse(accounts: Accounts, trash: Trash) -> None:
    """Begin to delete an account in a store that refuses."""
    with accounts.removing("mine", trash):
        raise sqlite3.OperationalError("database or disk is full")


def test_a_deleted_account_takes_its_directory_along(accounts: Accounts, tmp_path: Path) -> None:
    accounts.ensure_share("mine", "data")
    with accounts.removing("mine", Trash(tmp_path / "trash")):
        pass

    assert accounts.get("mine") is None
    assert not list(tmp_path.glob("mine*"))


def test_an_account_whose_deletion_the_store_refuses_is_as_before(accounts: Accounts, tmp_path: Path) -> None:
    (accounts.ensure_share("mine", "data") / "f").touch()
    with pytest.raises(sqlite3.OperationalError):
        refuse(accounts, Trash(tmp_path / "trash"))

    assert accounts.get("mine") is not None
    assert (tmp_path / "mine" / "file" / "data" / "f").exists()


@pytest.mark.parametrize("recorded", [True, False])
def test_the_record_of_an_account_decides_what_a_killed_deletion_becomes(
    accounts: Accounts, store: Store, tmp_path: Path, recorded: bool
) -> None:
    (tmp_path / "mine!0").mkdir()
    if not recorded:
        store.delete(StorageAccount, "mine")
    accounts.settle(Trash(tmp_path / "trash"))

    assert (tmp_path / "mine").exists() == recorded
    assert not (tmp_path / "mine!0").exists()


def test_an_account_that_was_made_again_keeps_its_directory(accounts: Accounts, tmp_path: Path) -> None:
    (tmp_path / "mine!0" / "old").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    accounts.settle(Trash(tmp_path / "trash"))

    assert not list((tmp_path / "mine").iterdir())
    assert not (tmp_path / "mine!0").exists()


def test_an_account_that_is_wanted_has_its_key_and_is_in_no_group_unless_asked(accounts: Accounts) -> None:
    accounts.ensure("first", KEY)
    account = accounts.get("first")
    accounts.ensure("first", KEY)

    assert account is not None
    assert account.keys[0] == KEY
    assert accounts.get("first") == account
    assert account not in accounts.list()


def test_an_account_that_is_in_no_group_is_put_into_one_and_stays_there(accounts: Accounts) -> None:
    accounts.ensure("first", KEY)

    identifier = accounts.ensure("first", KEY, GROUP)

    assert identifier == f"{GROUP}/providers/Microsoft.Storage/storageAccounts/first"
    assert accounts.ensure("first", KEY, "/subscriptions/s/resourceGroups/other") == identifier
    assert [account.name for account in accounts.list(GROUP)] == ["first", "mine"]


def test_a_key_that_others_know_is_revoked(accounts: Accounts) -> None:
    accounts.revoke(KEY)
    account = accounts.get("mine")

    assert account is not None
    assert KEY not in account.keys


def test_accounts_are_listed_by_group_in_any_casing(accounts: Accounts) -> None:
    assert [account.name for account in accounts.list(GROUP.upper())] == ["mine"]
    assert accounts.list("/subscriptions/s/resourceGroups/g2") == []


def test_a_share_has_a_directory_once_it_exists(accounts: Accounts, store: Store, tmp_path: Path) -> None:
    assert accounts.share_directory("mine", "data") is None
    store.put(share_key("mine", "data"), Share("data", NOW))

    assert accounts.share_directory("mine", "data") == tmp_path / "mine" / "file" / "data"
    assert accounts.container_directory("mine", "data") is None


@pytest.mark.parametrize(
    ("service", "path", "expected"),
    [
        ("file", "d/hi.txt", "https://mine.file.core.windows.net/data/d/hi.txt?sv=2016-05-31&sr=f&sig={}&se={}&sp=rl"),
        (
            "blob",
            "a b+ü",
            "https://mine.blob.core.windows.net/data/a%20b%2B%C3%BC?sv=2016-05-31&sr=b&sig={}&se={}&sp=rl",
        ),
    ],
)
def test_a_link_is_spelled_as_batch_ai_spelled_it(accounts: Accounts, service: str, path: str, expected: str) -> None:
    link = accounts.read_link("blob" if service == "blob" else "file", "mine", share="data", path=path, minutes=60)
    before, _, after = expected.partition("{}")

    assert link.startswith(before)
    assert link.endswith(after.format("2018-06-07T22%3A15%3A30Z"))
    assert not set(link.removeprefix(before).partition("&")[0]) & set("+/=")


def test_keys_do_not_show(accounts: Accounts) -> None:
    assert KEY not in repr(accounts.get("mine"))

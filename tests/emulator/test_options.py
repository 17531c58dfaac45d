"""The options of an emulator, as arguments of its command line."""

import itertools
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from harness.cli import main
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, start_detached, stop
from harness.emulator.option_texts import parse_account, parse_accounts, parse_limit
from harness.emulator.options import ACCOUNTS_VARIABLE, Account, Options
from harness.errors import EmulatorError


def test_limits_are_the_same_as_words_and_as_a_record(tmp_path: Path) -> None:
    limit = parse_limit(
        ["Standard NCASv3_T4 Family=0", "TotalDedicatedCores=8"], ["Standard_NC6"], "RequestDisallowedByPolicy"
    )
    arguments = Options(tmp_path, limit=limit).arguments()

    assert arguments[arguments.index("--quota") :] == [
        "--quota", "NCASv3_T4=0", "--quota", "TotalDedicatedCores=8", "--missing-size", "Standard_NC6",
        "--refuse-keys", "RequestDisallowedByPolicy",
    ]  # fmt: skip
    assert parse_limit(["NCASv3_T4=0", "TotalDedicatedCores=8"], ["Standard_NC6"], "RequestDisallowedByPolicy") == limit
    assert parse_limit([]) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--quota", "NC"], "--quota NC: write FAMILY=CORES, such as NCASv3_T4=0"),
        (["--quota", "NC=²"], "--quota NC=²: write FAMILY=CORES"),
        (["--quota", "NCASv3T4=0"], "there is no quota of the family 'NCASv3T4'; did you mean 'NCASv3_T4'?"),
        (["--missing-size", "Standard-NC6"], "there is no size 'Standard-NC6'; did you mean 'Standard_NC6'?"),
        (["--refuse-keys", "x"], "write RequestDisallowedByPolicy or KeyBasedAuthenticationNotPermitted"),
    ],
)
def test_a_wrong_limit_keeps_the_emulator_from_starting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert main(["emulator", "start", "--dir", str(tmp_path / "data"), *arguments]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_the_limits_of_a_start_end_with_the_next_one(
    tmp_path: Path, sign_in: Callable[[Endpoint], requests.Session]
) -> None:
    address = "https://management.azure.com/providers/Harness.Emulator/limits"

    def names(options: Options) -> list[str]:
        with sign_in(start_detached(options)) as session:
            response: requests.Response = session.get(address)
        stop(tmp_path)
        return [limit["name"] for limit in response.json()["value"]]

    assert names(Options(tmp_path, limit=parse_limit(["NC=0"]))) == ["start"]
    assert names(Options(tmp_path)) == []


def test_an_account_may_have_a_sku() -> None:
    account = parse_account("mine:a2V5:Premium_LRS")

    assert (account.name, account.key, account.sku) == ("mine", "a2V5", "Premium_LRS")
    assert Options(Path("d"), accounts=(account,)).environment() == {ACCOUNTS_VARIABLE: "mine:a2V5:Premium_LRS"}
    assert parse_accounts("mine:a2V5:Premium_LRS;other:a2V5") == (account, Account("other", "a2V5"))


def test_a_sku_that_no_account_can_have_is_refused() -> None:
    with pytest.raises(EmulatorError) as error:
        parse_account("mine:c2VjcmV0:Premium")

    assert "'Premium': write mine:KEY or one of mine:KEY:Standard_LRS, mine:KEY:Premium_LRS" in str(error.value)
    assert "c2VjcmV0" not in str(error.value)


def test_images_of_the_settings_come_after_those_of_the_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("harness.toml").write_text('[container_images]\n"gone:*" = "living:1"\n')
    try:
        assert main(["emulator", "start", "--dir", "data", "--detach", "--image", "gone:2=living:2"]) == 0
        running = find(Path("data"))
        assert running is not None
        command_line = psutil.Process(running.pid).cmdline()
    finally:
        stop(Path("data"))

    chosen = [after for word, after in itertools.pairwise(command_line) if word == "--image"]
    assert chosen == ["gone:2=living:2", "gone:*=living:1"]


@pytest.mark.parametrize("entry", ['"" = "living"', '"gone" = ""', '"gone=1" = "living"'])
def test_an_image_that_cannot_be_replaced_is_refused_where_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entry: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("harness.toml").write_text(f"[container_images]\n{entry}\n")

    assert main(["emulator", "start", "--dir", "data", "--compute", "container"]) == 2
    assert "container_images" in capsys.readouterr().err

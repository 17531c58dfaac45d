"""Which clients can reach an emulator, by its options."""

import errno
import os
from pathlib import Path

import pytest

from harness.cli import main
from harness.emulator.development_account import DEVELOPMENT_KEY
from harness.emulator.exposure import check_exposure
from harness.emulator.options import Account, Options
from harness.errors import EmulatorError

EVERYWHERE = "0.0.0.0"
WELL_KNOWN = (Account("mine", DEVELOPMENT_KEY),)


def test_other_machines_have_no_access_without_tls_unless_an_option_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["emulator", "start", "--dir", str(tmp_path / "data"), "--listen", EVERYWHERE]) == 2
    assert f"--listen {EVERYWHERE}: " in (text := capsys.readouterr().err)
    assert "add --https, or --no-https if the network is private" in text
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("https", [True, False])
def test_options_about_tls_are_passed_on(tmp_path: Path, https: bool) -> None:
    options = check_exposure(Options(tmp_path, listen=EVERYWHERE, https=https))

    assert ("--https" in options.arguments()) is https
    assert ("--no-https" in options.arguments()) is not https


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (Options(Path(), accounts=WELL_KNOWN), "is not accepted by an emulator that runs jobs"),
        (
            Options(Path(), only="storage", listen=EVERYWHERE, https=True, accounts=WELL_KNOWN),
            f"is not accepted at {EVERYWHERE}",
        ),
        (
            Options(Path(), development_key=True),
            "--development-key: an emulator that runs jobs never accepts the well-known key",
        ),
    ],
)
def test_the_well_known_key_is_refused_where_it_would_give_anyone_access(options: Options, text: str) -> None:
    with pytest.raises(EmulatorError, match=text) as refused:
        check_exposure(options)

    assert DEVELOPMENT_KEY not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        Options(Path(), only="storage", accounts=WELL_KNOWN),
        Options(Path(), only="storage", listen=EVERYWHERE, https=False, development_key=True, accounts=WELL_KNOWN),
    ],
)
def test_storage_alone_has_it_on_loopback_or_by_an_option(options: Options) -> None:
    assert check_exposure(options) is options


def test_an_address_that_the_machine_does_not_have_is_named_with_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign, reason = "192.0.2.1", os.strerror(errno.EADDRNOTAVAIL)  # the address is reserved for documentation
    arguments = ["emulator", "start", "--dir", str(tmp_path), "--listen", foreign, "--https", "--detach"]

    assert main(arguments) == 2
    assert f"--listen {foreign}: not an address of this machine ({reason}); 0.0.0.0 means" in capsys.readouterr().err

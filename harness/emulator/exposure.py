"""Checks what an emulator exposes to other machines: which account keys, and whether without TLS."""

from harness.emulator.development_account import DEVELOPMENT_KEY
from harness.emulator.options import Options
from harness.emulator.ports import is_open_to_others
from harness.errors import EmulatorError


def check_exposure(options: Options) -> Options:
    """Return the options if they expose nothing by mistake.

    Raises:
        EmulatorError: an account with the well-known key could be used by anyone, or other machines could reach storage
            without TLS although ``--no-https`` was not given.
    """
    is_open = is_open_to_others(options.listen)
    if options.development_key and not options.only:
        raise EmulatorError(
            "--development-key: an emulator that runs jobs never accepts the well-known key, because a client that can "
            "write files can run code; leave the option out, or serve storage alone with --only storage"
        )
    names = [account.name for account in options.accounts if account.key == DEVELOPMENT_KEY]
    if names and (not options.only or (is_open and not options.development_key)):
        where = f"at {options.listen}" if options.only else "by an emulator that runs jobs"
        raise EmulatorError(
            f"the account {names[0]} has the well-known key, which is not accepted {where}; "
            "give it another one, as `openssl rand -base64 48` prints it"
        )
    if is_open and options.https is None:
        raise EmulatorError(
            f"--listen {options.listen}: others on the network could read the traffic of the storage ports; add "
            "--https, or --no-https if the network is private, as that of a container is"
        )
    return options

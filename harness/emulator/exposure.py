"""What an emulator may show to others: which keys, and whether without TLS."""

from harness.emulator.development_account import DEVELOPMENT_KEY
from harness.emulator.options import Options
from harness.emulator.ports import is_open_to_others
from harness.errors import EmulatorError


def check_exposure(options: Options) -> Options:
    """The same options, if whoever they let in is who is meant.

    Raises:
        EmulatorError: an account has the key that everybody knows where it would let everybody in, or storage would
            speak to other machines without TLS although nobody said so.
    """
    is_open = is_open_to_others(options.listen)
    if options.development_key and not options.only:
        raise EmulatorError(
            "--development-key: an emulator that runs jobs never takes the key that everybody knows, since whoever "
            "writes files there can run code; leave the option out, or serve storage alone with --only storage"
        )
    known = [account.name for account in options.accounts if account.key == DEVELOPMENT_KEY]
    if known and (not options.only or (is_open and not options.development_key)):
        where = f"at {options.listen}" if options.only else "by an emulator that runs jobs"
        raise EmulatorError(
            f"the account {known[0]} has the key that everybody knows, which is not taken {where}; "
            "give it one of its own, as `openssl rand -base64 48` prints it"
        )
    if is_open and options.https is None:
        raise EmulatorError(
            f"--listen {options.listen}: whoever is on the way to the ports of storage could read what goes there; say "
            "--https, or --no-https where the network is yours alone, as that of a container is"
        )
    return options

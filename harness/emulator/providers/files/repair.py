"""What a killed emulator left half done: a share's records and its directory are moved one after the other."""

from harness.emulator.providers.files.shares import Shares
from harness.emulator.providers.storage.accounts import Accounts
from harness.emulator.providers.storage.model import DeletedShare, Share, share_key


def repair(shares: Shares, accounts: Accounts) -> None:
    """Finish deletions and restorations that were cut short between the two, and drop snapshots that never were."""
    store, trash = shares.store, shares.trash
    for key, deleted in store.list(DeletedShare):
        account, _, place = key.partition("/")
        name = deleted.share.name
        aside, at_place = (accounts.directory("file", account, name=each) for each in (place, name))
        if not aside.exists() and at_place.exists() and store.get(Share, share_key(account, name)) is None:
            at_place.rename(aside)
    for key, share in store.list(Share):
        account, _, place = key.partition("/")
        directory = accounts.directory("file", account, name=place)
        if not directory.exists():
            lost = sorted(directory.parent.glob(f"{share.name}!*")) if directory.parent.exists() else []
            known = [each for each in lost if store.get(DeletedShare, share_key(account, each.name)) is None]
            if known:
                known[-1].rename(directory)
            else:
                directory.mkdir(mode=0o777, parents=True)
    for directory in accounts.root.glob("*/file/*[@!]*"):
        key = share_key(directory.parent.parent.name, directory.name)
        if store.get(Share, key) is None and store.get(DeletedShare, key) is None:
            trash.take(directory)

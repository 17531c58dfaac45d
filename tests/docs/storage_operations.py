"""The tables of storage operations in the documentation, from the emulator's routes.

python -m tests.docs.storage_operations          # writes them into docs/azure-files.md
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.clock import SteppingClock
from harness.emulator.providers.blobs import AzureBlobs
from harness.emulator.providers.blobs import routes as blobs
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.public_access import PublicAccess
from harness.emulator.providers.files import routes as files
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import Accounts, CopySources, Trash
from harness.emulator.storage_service.operations import Address, Operations
from harness.emulator.store import Store
from tests.emulator.storage_service.lone_authority import authority

PAGE = Path(__file__).parents[2] / "docs" / "azure-files.md"
BEGIN, END = "<!-- operations, from the routes -->\n", "<!-- end of operations -->\n"
FIRST = "2015-02-21"  # the earliest version that is served

# The REST versions that introduced operations, if later than the first one. Source: Microsoft's "Versioning
# for Azure Storage" and the pages of the operations.
SINCE: Mapping[str, str] = {
    "AppendBlobSeal": "2019-12-12",
    "BlobBatch": "2018-11-09",
    "CreateHardLink": "2025-05-05",
    "CreatePermission": "2019-02-02",
    "CreateSymbolicLink": "2025-07-05",
    "DeleteBlobImmutabilityPolicy": "2020-06-12",
    "FindBlobsByTags": "2019-12-12",
    "ForceCloseHandles": "2018-11-09",
    "GetAccountInformation": "2018-03-28",
    "GetBlobTags": "2019-12-12",
    "GetPermission": "2019-02-02",
    "GetSymbolicLink": "2025-07-05",
    "GetUserDelegationKey": "blobs 2018-11-09, files 2026-02-06",
    "IncrementalCopyBlob": "2016-05-31",
    "LeaseFile": "2019-02-02",
    "LeaseShare": "2020-02-10",
    "ListHandles": "2018-11-09",
    "OpenHandle": "any",
    "QueryBlobContents": "2019-12-12",
    "RenameContainer": "2020-06-12",
    "RenameDirectory": "2021-04-10",
    "RenameFile": "2021-04-10",
    "RestoreContainer": "2019-12-12",
    "RestoreShare": "2019-12-12",
    "SetBlobExpiry": "2020-02-10",
    "SetBlobImmutabilityPolicy": "2020-06-12",
    "SetBlobLegalHold": "2020-06-12",
    "SetBlobTags": "2019-12-12",
    "SetBlobTier": "2017-04-17",
    "SetDirectoryProperties": "2019-02-02",
    "SnapshotShare": "2017-04-17",
    "UndeleteBlob": "2017-07-29",
}
# Restrictions of operations that are served in part.
PARTS: Mapping[str, str] = {
    "CreateFile": "also copies a file, `CopyFile`, from this emulator's accounts",
    "OpenHandle": "an extension of the emulator, in place of a client that mounts the share: [handles](#handles)",
    "PutRange": "from a URL: of this emulator's accounts",
    "SetFileServiceProperties": "metrics and the settings of SMB are stored and returned",
    "SetBlobServiceProperties": "logging, metrics and static websites are stored and returned",
    "PutBlob": "of all types; also `PutBlobFromUrl`, `CopyBlob` and `CopyBlobFromUrl`, from this emulator's accounts",
    "CreatePermission": "stored, but not enforced",
}


def operations_tables() -> str:
    """Return both tables in Markdown."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        served = _served(Path(directory))
    for title, table, unserved in (
        ("Azure Files", served[0], files.UNSERVED),
        ("Blobs", served[1], blobs.UNSERVED),
    ):
        lines += [f"| {title} | request | since version | |", "|---|---|---|---|", *_rows(table, unserved), ""]
    return "\n".join(lines)


def _served(root: Path) -> tuple[Operations, Operations]:
    store, clock = Store(":memory:"), SteppingClock()
    accounts, trash, auth = Accounts(store, clock, root=root), Trash(root / "trash"), authority(clock)
    shares = Shares(accounts, store=store, clock=clock, trash=trash)
    containers = Containers(accounts, store=store, clock=clock, trash=trash)
    sources = CopySources(accounts, auth)
    service = AzureBlobs(accounts, store=store, clock=clock, trash=trash, sources=sources)
    store.close()
    return (
        files.operations(shares, accounts, sources),
        blobs.operations(
            containers,
            accounts,
            sources,
            history=History(containers),
            public=PublicAccess(accounts, store),
            service=service,
        ),
    )


def _rows(table: Operations, unserved: Mapping[Address, str]) -> Iterator[str]:
    requests_by_name: dict[str, list[tuple[str, str]]] = {}
    for address, operation in table.items():
        requests_by_name.setdefault(operation.name, []).append(_request(address))
    for name, requests in requests_by_name.items():
        cell = _requests_cell(requests)
        yield f"| `{name}` | {cell} | {SINCE.get(name, FIRST)} | {PARTS.get(name, '')} |"
    unserved_requests: dict[str, list[tuple[str, str]]] = {}
    for address, name in unserved.items():
        unserved_requests.setdefault(name, []).append(_request(address))
    for name, requests in unserved_requests.items():
        cell = _requests_cell(requests)
        yield f"| {name} | {cell} | {SINCE.get(name, FIRST)} | **no**: 501 `NotImplemented` |"


def _requests_cell(requests: list[tuple[str, str]]) -> str:
    """Return requests grouped by their paths."""
    methods: dict[str, list[str]] = {}
    for method, path in requests:
        methods.setdefault(path, []).append(method)
    return " · ".join(f"{', '.join(dict.fromkeys(names))} `{path}`" for path, names in methods.items())


def _request(address: Address) -> tuple[str, str]:
    level, method, restype, component = address
    query = "&".join(f"{name}={value}" for name, value in (("restype", restype), ("comp", component)) if value)
    path = {"service": "/", "share": "/NAME", "path": "/NAME/PATH"}[level]
    return method, f"{path}?{query}" if query else path


def with_tables(page: str) -> str:
    """Return a page with the current tables between its markers."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + operations_tables() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

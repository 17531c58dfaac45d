"""Open file handles, which Microsoft's tests of handles expect; on Azure, a person opens them by hand."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.fileshare import ShareServiceClient, generate_share_sas

_OPEN = {"test-share": ("", "testdir/test.txt", "testdir/test.txt"), "mytestshare": ("testdir/testfile.txt",)}


@pytest.fixture(autouse=True)
def open_handles(request: pytest.FixtureRequest) -> Iterator[None]:
    """Open handles on files of two shares, only for tests of handles."""
    if not request.node.path.name.startswith("test_handle"):
        yield
        return
    account, key = os.environ["STORAGE_ACCOUNT_NAME"], os.environ["STORAGE_ACCOUNT_KEY"]
    with ShareServiceClient(f"https://{account}.file.core.windows.net", key) as service:
        for share, paths in _OPEN.items():
            client = service.get_share_client(share)
            with suppress(ResourceExistsError):
                client.create_share()
            with suppress(ResourceExistsError):
                client.create_directory("testdir")
            expiry = datetime.now(UTC) + timedelta(hours=1)
            sas = generate_share_sas(account, share, key, permission="rwl", expiry=expiry)
            for path in paths:
                if path:
                    client.get_file_client(path).upload_file(b"open")
                url = f"https://{account}.file.core.windows.net/{share}/{path}".rstrip("/")
                headers = {"x-ms-handle-access-rights": "Write"}
                requests.put(f"{url}?comp=openhandle&{sas}", headers=headers, timeout=60).raise_for_status()
        yield
        for share in _OPEN:  # other tests list the account's shares
            service.get_share_client(share).delete_share()

"""Runs Microsoft's own tests of a storage SDK on the emulator.

The tests are in the SDK's source distribution; their tools (``devtools_testutils``) are in Microsoft's repository
azure-sdk-for-python, in ``eng/tools/azure-sdk-tools``. This project contains neither.

pip download --no-deps --no-binary :all: azure-storage-file-share && tar xzf azure_storage_file_share-*.tar.gz
python -m tests.foreign.suite azure_storage_file_share-*/tests --tools azure-sdk-for-python/eng/tools/azure-sdk-tools

Tests of the asynchronous clients need pytest-asyncio, those of blobs nanoarrow and azure-mgmt-storage, which this
project does not use. Some tests list all shares of the account: in several processes (``-n 2``) they see shares
of other tests, and fail.

The command prints how many tests passed, and the names of the failed tests by cause. It passes further arguments
(``-k nfs``) to pytest.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import requests
from azure.identity import ClientSecretCredential

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

ROOT = Path(__file__).parents[2]
KEY = b64encode(b"key of an account of Microsoft's tests").decode()
# The accounts by their names in the tests' settings, with name and SKU in the emulator.
ACCOUNTS = {
    "STORAGE": ("suite", "Standard_LRS"),
    "SECONDARY_STORAGE": ("suitesecondary", "Standard_LRS"),
    "BLOB_STORAGE": ("suiteblob", "Standard_LRS"),
    "VERSIONED_STORAGE": ("suiteversioned", "Standard_LRS"),
    "SOFT_DELETE_STORAGE": ("suitesoft", "Standard_LRS"),
    "PREMIUM_STORAGE": ("suitepremium", "Premium_LRS"),
    "PREMIUM_STORAGE_FILE": ("suitefiles", "Premium_LRS"),
}
# The protection of blobs that two accounts have.
PROTECTION = {
    "suiteversioned": {"isVersioningEnabled": True},
    "suitesoft": {"deleteRetentionPolicy": {"enabled": True, "days": 5}},
}
_ARM = "https://management.azure.com"
_LINE = 160  # characters of a cause


def protect(endpoint: Endpoint) -> None:
    """Set the protection that the tests expect of their accounts, through Resource Manager like an owner."""
    with requests.Session() as session:
        session.proxies, session.verify, session.trust_env = {"https": endpoint.proxy_url}, endpoint.ca_path, False
        credential = ClientSecretCredential(
            endpoint.tenant_id, endpoint.client_id, endpoint.client_secret,
            proxies=session.proxies, connection_verify=session.verify,
        )  # fmt: skip
        session.headers["Authorization"] = f"Bearer {credential.get_token(f'{_ARM}/.default').token}"
        session.params = {"api-version": "2023-01-01"}
        subscription = f"{_ARM}/subscriptions/{endpoint.subscription_id}"
        response = session.get(f"{subscription}/providers/Microsoft.Storage/storageAccounts")
        response.raise_for_status()
        for account in response.json()["value"]:
            if properties := PROTECTION.get(account["name"]):
                url = f"{_ARM}{account['id']}/blobServices/default"
                session.put(url, json={"properties": properties}).raise_for_status()


def variables(endpoint: Endpoint, tools: Path) -> dict[str, str]:
    """Return the environment variables that the tests' settings read, and those of the emulator."""
    accounts = {f"{name}_ACCOUNT_{kind}": value for name, (account, _) in ACCOUNTS.items()
                for kind, value in (("NAME", account), ("KEY", KEY))}  # fmt: skip
    emulator = endpoint.environment()
    live = {"AZURE_TEST_RUN_LIVE": "true", "AZURE_SKIP_LIVE_RECORDING": "true", "PROTOCOL": "https"}
    return {
        **os.environ, **emulator, **live, **accounts,
        "ACCOUNT_URL_SUFFIX": "core.windows.net",
        "STORAGE_TENANT_ID": endpoint.tenant_id,
        "PYTHONPATH": os.pathsep.join([str(tools), str(ROOT)]),
    }  # fmt: skip


def run(tests: Path, environ: Mapping[str, str], arguments: list[str]) -> ET.Element:
    """Run the tests; returns the report as JUnit XML."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.xml")
        plugins = ["-p", "no:batchai_harness", "-p", "no:randomly", "-p", "tests.foreign.suite_handles"]
        plugins += ["-o", "asyncio_mode=auto", "-W", "ignore::pytest.PytestUnknownMarkWarning"]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *plugins, "--import-mode=prepend", "--rootdir", str(tests), "-c",
             os.devnull, "--tb=short", f"--junitxml={report}", *arguments, str(tests)],
            cwd=tests, env=dict(environ), check=False,
        )  # fmt: skip
        return ET.fromstring(report.read_bytes())


def causes(report: ET.Element) -> tuple[int, Mapping[str, list[str]]]:
    """Return the number of passed tests, and the names of failed tests by cause."""
    passed, failed = 0, defaultdict[str, list[str]](list)
    for case in report.iter("testcase"):
        fault = next((element for kind in ("failure", "error") for element in case.findall(kind)), None)
        if fault is not None:
            name = f"{case.get('classname', '').rpartition('.')[0] or case.get('classname')}::{case.get('name')}"
            failed[_cause(fault)].append(name)
        elif case.find("skipped") is None:
            passed += 1
    return passed, failed


def _cause(fault: ET.Element) -> str:
    text = f"{fault.get('message', '')}\n{fault.text or ''}"
    code = re.search(r"ErrorCode:(\w+)", text)
    return code[1] if code else (fault.get("message") or "?").strip().splitlines()[0][:_LINE]


def main() -> int:
    """Run the tests and print the results; returns 0 if all passed."""
    parser = argparse.ArgumentParser(description="Microsoft's own tests of a storage SDK, on the emulator.")
    parser.add_argument("tests", type=Path, help="the directory 'tests' of a source distribution")
    parser.add_argument("--tools", type=Path, required=True, help="the directory that holds devtools_testutils")
    options, pytest_arguments = parser.parse_known_args()
    accounts = [f"{name}:{KEY}:{sku}" for name, sku in ACCOUNTS.values()]
    with launch(accounts=accounts) as endpoint:
        protect(endpoint)
        environ = variables(endpoint, options.tools.resolve())
        passed, failed = causes(run(options.tests.resolve(), environ, pytest_arguments))
    total = passed + sum(map(len, failed.values()))
    print(f"\n{passed} of {total} passed ({passed / max(total, 1):.1%})")  # noqa: T201
    for cause, names in sorted(failed.items(), key=lambda item: -len(item[1])):
        print(f"\n{len(names)} x {cause}", *names, sep="\n    ")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

import logging
from pathlib import Path

import pytest
import trustme

from harness.atomic_file import write_file
from harness.emulator.paths import DataDirectory
from harness.emulator.tls import server_context


def prepare_paths(root: Path) -> DataDirectory:
    paths = DataDirectory(root)
    paths.prepare()
    return paths


def test_the_authority_is_kept_from_start_to_start(tmp_path: Path) -> None:
    paths = prepare_paths(tmp_path)
    server_context(paths)
    first = paths.authority.read_bytes()

    server_context(paths)

    assert paths.authority.read_bytes() == first


def test_a_certificate_that_lacks_a_host_is_replaced_and_the_user_is_warned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = prepare_paths(tmp_path)
    authority = trustme.CA()
    issued = authority.issue_cert("management.azure.com")
    parts = [issued.private_key_pem, *issued.cert_chain_pems]
    write_file(paths.server_certificate, b"".join(part.bytes() for part in parts), mode=0o600)
    authority.cert_pem.write_to_path(str(paths.authority))

    with caplog.at_level(logging.WARNING):
        server_context(paths)

    assert paths.authority.read_bytes() != authority.cert_pem.bytes()
    assert "gets a new authority" in caplog.text
    assert "*.api.azureml.ms" in caplog.text

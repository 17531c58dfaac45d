"""The emulator's own certificate authority and the one certificate of its listener."""

import ssl

import trustme

from harness.emulator.paths import DataDirectory, write_private

HOSTS = (
    "management.azure.com",
    "login.microsoftonline.com",
    "login.windows.net",
    "sts.windows.net",
    "*.file.core.windows.net",
    "*.blob.core.windows.net",
    "*.api.azureml.ms",
    "localhost",
    "127.0.0.1",
)


def server_context(paths: DataDirectory) -> ssl.SSLContext:
    """The listener's side of TLS; authority and certificate are made once and kept in the data directory.

    The authority's key is not kept: nothing else can ever be signed with what clients were told to trust.
    """
    if not (paths.authority.exists() and paths.server_certificate.exists()):
        authority = trustme.CA(organization_name="batchai-harness emulator")
        issued = authority.issue_cert(*HOSTS)
        parts = [issued.private_key_pem, *issued.cert_chain_pems]
        write_private(paths.server_certificate, b"".join(part.bytes() for part in parts))
        authority.cert_pem.write_to_path(str(paths.authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.server_certificate)
    return context

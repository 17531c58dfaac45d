"""The emulator's own certificate authority, and the certificate of its listeners."""

import ipaddress
import logging
import ssl
from collections.abc import Sequence

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from harness.atomic_file import write_file
from harness.emulator.paths import DataDirectory

HOSTS = (
    "management.azure.com",
    "login.microsoftonline.com",
    "login.windows.net",
    "sts.windows.net",
    "*.file.core.windows.net",
    "*.blob.core.windows.net",
    "*.api.azureml.ms",
    "localhost",
    "*.file.localhost",
    "*.blob.localhost",
    "127.0.0.1",
    "::1",
)

_log = logging.getLogger(__name__)


def server_context(paths: DataDirectory, names: Sequence[str] = ()) -> ssl.SSLContext:
    """The TLS context of the listeners; authority and certificate are created once and stored in the data directory.

    The authority's key is not stored, so nothing else can ever be signed with the key that clients trust.

    Args:
        names: additional names of this machine that the certificate covers, with the accounts below them.

    Raises:
        ValueError: the stored files cannot be used.
    """
    hosts = (*HOSTS, *(host for name in names for host in _hosts_of(name)))
    if not (paths.authority.exists() and paths.server_certificate.exists() and _covers(paths, hosts)):
        authority = trustme.CA(organization_name="batchai-harness emulator")
        issued = authority.issue_cert(*hosts)
        parts = [issued.private_key_pem, *issued.cert_chain_pems]
        write_file(paths.server_certificate, b"".join(part.bytes() for part in parts))
        write_file(paths.authority, authority.cert_pem.bytes(), mode=0o644)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(paths.server_certificate)
    except ssl.SSLError as error:
        raise ValueError(f"{paths.server_certificate.name}: {error.reason or error}") from error
    return context


def _hosts_of(name: str) -> tuple[str, ...]:
    """A name of this machine, and the names of accounts below it."""
    try:
        return (str(ipaddress.ip_address(name)),)
    except ValueError:
        return (name, f"*.file.{name}", f"*.blob.{name}")


def _covers(paths: DataDirectory, hosts: Sequence[str]) -> bool:
    """Whether the certificate covers some hosts.

    Raises:
        ValueError: one of the files holds no certificate, or another authority issued it.
    """
    authority = x509.load_pem_x509_certificate(paths.authority.read_bytes())
    certificate = x509.load_pem_x509_certificates(paths.server_certificate.read_bytes())[0]
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError) as error:
        raise ValueError(f"{paths.authority.name} did not issue {paths.server_certificate.name}") from error
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    certificate_names = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    if missing := [host for host in hosts if host not in certificate_names]:
        text = "%s gets a new authority, because its certificate is not for %s; load it with 'harness emulator env'"
        _log.warning(text, paths.root, ", ".join(missing))
    return not missing

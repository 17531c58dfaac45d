"""The identity of an emulator: one tenant, its applications, one subscription and a first storage account."""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from msgspec.structs import replace

from harness.atomic_file import write_file
from harness.emulator.paths import DataDirectory
from harness.emulator.roles import FIRST_APPLICATION

DEFAULT_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


class Application(msgspec.Struct, frozen=True):
    """An application of the tenant and the roles that it has on every storage account; ``repr`` hides its secret."""

    name: str
    client_id: str
    client_secret: str
    roles: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Application({self.name!r}, client_id={self.client_id!r}, roles={self.roles!r})"

    @property
    def object_id(self) -> str:
        """The id of its service principal."""
        return object_id(self.client_id)


class Identity(msgspec.Struct, frozen=True):
    """The ids and credentials of an emulator, created at the first start of a data directory and stored there.

    Only the owner can read the file. ``applications`` are the additional applications; the first one manages the
    subscription. All of them can also sign in to ``other_tenants``, whose tokens no service of this subscription
    accepts.
    """

    tenant_id: str
    client_id: str
    client_secret: str
    subscription_id: str
    storage_account: str
    storage_key: str
    signing_key: str
    applications: tuple[Application, ...] = ()
    other_tenants: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Identity(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"

    @property
    def identity_header(self) -> str:
        """The header with which code in App Service gets a token of its managed identity."""
        return hashlib.sha256(f"identity header {self.signing_key}".encode()).hexdigest()

    def application(self, client_id: str) -> Application | None:
        """The application of an id, or None."""
        return next((item for item in self.all_applications if item.client_id == client_id.lower()), None)

    def principal(self, principal_id: str) -> Application | None:
        """The application whose service principal has an id, or None."""
        return next((item for item in self.all_applications if item.object_id == principal_id), None)

    @property
    def all_applications(self) -> tuple[Application, ...]:
        """The first application, which has no name, and the additional ones."""
        return (Application("", self.client_id, self.client_secret, FIRST_APPLICATION), *self.applications)


@lru_cache(maxsize=256)
def object_id(client_id: str) -> str:
    """The id of an application's service principal."""
    return str(uuid.uuid5(uuid.UUID(client_id), "service principal"))


def with_applications(identity: Identity, roles_by_name: Mapping[str, tuple[str, ...]]) -> Identity:
    """The identity with applications of these names and roles; existing applications keep their ids."""
    applications = {item.name: item for item in identity.applications}
    for name, roles in roles_by_name.items():
        application = applications.get(name) or Application(name, str(uuid.uuid4()), new_secret())
        applications[name] = replace(application, roles=roles)
    return replace(identity, applications=tuple(applications.values()))


def load_identity(paths: DataDirectory, applications: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> Identity:
    """The identity of a data directory; created if it is missing.

    The keys are random: in an emulator that runs jobs, a client that can write files can run code.

    Args:
        applications: the roles of each additional application, by name.

    Raises:
        ValueError: the file holds no valid identity.
        msgspec.MsgspecError: the file holds no valid identity.
    """
    if paths.identity.exists():
        identity = msgspec.json.decode(paths.identity.read_bytes(), type=Identity)
        signing_key(identity)
        updated = with_applications(identity, applications)
        if updated == identity:
            return identity
        identity = updated
    else:
        identity = with_applications(new_identity(), applications)
    write_file(paths.identity, msgspec.json.encode(identity))
    return identity


def signing_key(identity: Identity) -> rsa.RSAPrivateKey:
    """The key that signs tokens.

    Raises:
        ValueError: the identity has no RSA key.
    """
    # The check of each prime would take 35 ms, and the key was generated here.
    private = load_pem_private_key(identity.signing_key.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ValueError("the signing key is no RSA key")
    return private


def new_secret() -> str:
    """A random secret that can be a command-line argument: it does not begin with a dash."""
    return "s" + secrets.token_urlsafe(30)


def new_identity() -> Identity:
    """An identity with new ids, secrets and keys."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Identity(
        tenant_id=str(uuid.uuid4()),
        client_id=str(uuid.uuid4()),
        client_secret=new_secret(),
        subscription_id=DEFAULT_SUBSCRIPTION,
        storage_account=f"batchai{secrets.token_hex(6)}",
        storage_key=base64.b64encode(secrets.token_bytes(64)).decode(),
        signing_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )

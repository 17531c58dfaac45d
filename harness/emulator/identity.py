"""Who may use an emulator: one tenant, its applications, one subscription and a first storage account."""

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
    """Made at the first start of a data directory and kept there, readable by the owner alone.

    ``applications`` are those besides the first one, which manages the subscription. They can sign in to
    ``other_tenants``, too, whose tokens no service of this subscription accepts.
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
        """What code in App Service shows to get a token of its managed identity."""
        return hashlib.sha256(f"identity header {self.signing_key}".encode()).hexdigest()

    def application(self, client_id: str) -> Application | None:
        """The application of an id, or None."""
        return next((each for each in self.all_applications if each.client_id == client_id.lower()), None)

    def principal(self, principal_id: str) -> Application | None:
        """The application whose service principal has an id, or None."""
        return next((each for each in self.all_applications if each.object_id == principal_id), None)

    @property
    def all_applications(self) -> tuple[Application, ...]:
        """The first one, which has no name, and the others."""
        return (Application("", self.client_id, self.client_secret, FIRST_APPLICATION), *self.applications)


@lru_cache(maxsize=256)
def object_id(client_id: str) -> str:
    """The id of an application's service principal."""
    return str(uuid.uuid5(uuid.UUID(client_id), "service principal"))


def with_applications(identity: Identity, wanted: Mapping[str, tuple[str, ...]]) -> Identity:
    """An identity that also has the applications of some names with some roles; those it knows keep their ids."""
    known = {each.name: each for each in identity.applications}
    for name, roles in wanted.items():
        application = known.get(name) or Application(name, str(uuid.uuid4()), new_secret())
        known[name] = replace(application, roles=roles)
    return replace(identity, applications=tuple(known.values()))


def load_identity(paths: DataDirectory, applications: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> Identity:
    """The identity of a data directory, made when missing.

    The keys are random: in an emulator that runs jobs, whoever can write files can run code.

    Args:
        applications: roles by the name of each application that it must have besides the first one.

    Raises:
        ValueError: the file holds no identity.
        msgspec.MsgspecError: the same.
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
        ValueError: the identity holds none.
    """
    # Read without a look at its primes: each takes 35 ms, and the key is one that we made.
    private = load_pem_private_key(identity.signing_key.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ValueError("the signing key is no RSA key")
    return private


def new_secret() -> str:
    """A random secret that a command line can take: it does not begin with a dash, which would begin an option."""
    return "s" + secrets.token_urlsafe(30)


def new_identity() -> Identity:
    """Fresh ids, secrets and keys."""
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

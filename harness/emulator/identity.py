"""Who may use an emulator: one tenant, one application, one subscription and a first storage account."""

import base64
import secrets
import uuid

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from harness.atomic_file import write_file
from harness.emulator.paths import DataDirectory

# What Azurite, too, calls its account: known to everybody, hence only where no code can be made to run.
DEVELOPMENT_ACCOUNT = "devstoreaccount1"
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

DEFAULT_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


class Identity(msgspec.Struct, frozen=True):
    """Made at the first start of a data directory and kept there, readable by the owner alone."""

    tenant_id: str
    client_id: str
    client_secret: str
    subscription_id: str
    storage_account: str
    storage_key: str
    signing_key: str

    def __repr__(self) -> str:
        return f"Identity(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"


def load_identity(paths: DataDirectory) -> Identity:
    """The identity of a data directory, made when missing.

    The keys are random: in an emulator that runs jobs, whoever can write files can run code.

    Raises:
        ValueError: the file holds no identity.
        msgspec.MsgspecError: the same.
    """
    if paths.identity.exists():
        identity = msgspec.json.decode(paths.identity.read_bytes(), type=Identity)
        signing_key(identity)
        return identity
    identity = new_identity()
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

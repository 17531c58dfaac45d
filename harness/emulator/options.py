"""How an emulator is started, as a record and as the words of a command line."""

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.compute.catalogue import parse_compute
from harness.emulator.host_names import host_of
from harness.emulator.roles import ROLES, SETS, role_names
from harness.emulator.subscription_limits import KEY_REFUSALS, SubscriptionLimit, checked
from harness.errors import EmulatorError, ToolkitError
from harness.fault_plans import FaultPlan, parse_plan, parse_words

ACCOUNTS_VARIABLE = "HARNESS_EMULATOR_ACCOUNTS"  # NAME:KEY[:SKU];NAME:KEY; a command line can be read by everybody
ACCOUNT_SKUS = ("Standard_LRS", "Premium_LRS")  # of which the second makes an account for premium files
ONLY = ("storage",)
MANAGED_IDENTITIES = ("app-service", "imds")
LOOPBACK = "127.0.0.1"
START_PLAN = "start"  # the fault plan of the command line: it ends, or changes, with the next start
Images = Literal["host", "refuse"]

REFUSAL_CODES = " or ".join(KEY_REFUSALS)  # of ``--refuse-keys``
_CORE_DIGITS = 6
_ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}", re.ASCII)
_APPLICATION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account that is wanted, with its key (base64); its ``repr`` does not show the key.

    ``sku`` is empty for the one that it has, which is ``Standard_LRS`` at first.
    """

    name: str
    key: str
    sku: str = ""

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve.

    Args:
        directory: the data directory, made when missing.
        port: of the proxy; 0 takes a free one, None the one of the last start if it is free; so do the next two.
        guarded: stop when standard input ends, because whoever started it has gone.
        only: ``storage``, to serve nothing else, or empty.
        file_port: of Azure Files; None takes at the first start 10004, if it is free.
        blob_port: of blob storage; None takes at the first start 10000, if it is free.
        listen: the address of all three; others than loopback can be reached by other machines.
        https: the two ports of storage speak TLS, with the emulator's own authority.
        development_key: storage alone has the well-known key also where other machines can reach it.
        accounts: storage accounts to have besides the first one.
        pace: of all that the service took its time for: 1 is its own pace, 0 takes no time that is not needed.
        compute: where jobs run whose cluster does not say: ``process``, ``container``, ``ray``, or ``NAME:ADDRESS``.
        images: what becomes of jobs whose container image nothing here can run: they run on the ``host`` without it,
            or are refused (``refuse``); by default, empty, the one on the back end ``process`` and the other on
            ``container``.
        image_map: images to run in place of others: pairs of names, of which the first may hold ``*``.
        container_user: whom containers run as, as Docker writes it; empty for the default.
        faults: what strikes for as long as it serves; see ``parse_faults``.
        cntk_python: the interpreter of CNTK jobs; default the one that ``harness toolkits install cntk`` made, or
            CNTK's API on PyTorch.
        host_names: by which clients at the plain ports call this machine, beside those of loopback.
        applications: the applications to have besides the first one, each a name and its roles.
        copy_delay: seconds for which each copy of a file or blob is pending.
        seed: a directory whose ``file/SHARE`` and ``blob/CONTAINER`` are shares and containers to begin with.
        until: id of a process whose end stops the emulator; 0 for none.
        log: where requests are logged; default nowhere.
        managed_identity: whose endpoint to have: ``app-service``, ``imds``, or none.
        tenants: in which all of them can sign in, too, for tokens that no service accepts.
        limit: what the subscription lacks; see ``parse_limit``.
    """

    directory: Path
    port: int | None = 0
    guarded: bool = False
    only: str = ""
    file_port: int | None = 0
    blob_port: int | None = 0
    listen: str = LOOPBACK
    https: bool = False
    development_key: bool = False
    accounts: tuple[Account, ...] = ()
    pace: float = 0.0
    compute: str = "process"
    images: Images | Literal[""] = ""
    image_map: tuple[tuple[str, str], ...] = ()
    container_user: str = ""
    faults: FaultPlan | None = None
    cntk_python: Path | None = None
    host_names: tuple[str, ...] = ()
    applications: tuple[tuple[str, tuple[str, ...]], ...] = ()
    copy_delay: float = 0.0
    seed: Path | None = None
    until: int = 0
    log: Path | None = None
    managed_identity: str = ""
    tenants: tuple[str, ...] = ()
    limit: SubscriptionLimit | None = None

    def words(self) -> list[str]:
        """The options of ``python -m harness.emulator`` that mean the same, accounts left out."""
        pairs: dict[str, object] = {"--dir": self.directory, "--only": self.only, "--listen": self.listen}
        pairs |= {"--managed-identity": self.managed_identity, "--log": self.log, "--until": self.until}
        pairs |= {"--copy-delay": self.copy_delay, "--seed": self.seed}
        ports = {"--port": self.port, "--file-port": self.file_port, "--blob-port": self.blob_port}
        pairs |= {"--pace": self.pace, "--images": self.images, "--cntk-python": self.cntk_python}
        pairs |= {"--compute": self.compute, "--container-user": self.container_user}
        pairs |= {"--fault-seed": self.faults.seed if self.faults else 0}
        words = [word for name, value in pairs.items() if value or name == "--dir" for word in (name, str(value))]
        words += [word for name, port in ports.items() if port is not None for word in (name, str(port))]
        words += ["--https"] if self.https else []
        words += ["--development-key"] if self.development_key else []
        rules = self.faults.faults.items() if self.faults else ()
        words += [word for fault, rule in rules for word in ("--fault", f"{fault}={rule.rate}")]
        words += [word for old, new in self.image_map for word in ("--image", f"{old}={new}")]
        words += [word for name in self.host_names for word in ("--host-name", name)]
        words += [word for tenant in self.tenants for word in ("--tenant", tenant)]
        applications = [f"{name}={','.join(roles) or 'none'}" for name, roles in self.applications]
        words += [word for application in applications for word in ("--application", application)]
        words += _limit_words(self.limit) if self.limit else []
        return [*words, "--guarded"] if self.guarded else words

    def names(self) -> tuple[str, ...]:
        """The names of this machine at the ports of storage, beside those of loopback."""
        is_one = ipaddress.ip_address(self.listen).is_unspecified is False and self.listen != LOOPBACK
        return tuple(dict.fromkeys((*self.host_names, *([self.listen] if is_one else []))))

    def environment(self) -> dict[str, str]:
        """The variables in which accounts are handed on."""
        pairs = ";".join(":".join(filter(None, (each.name, each.key, each.sku))) for each in self.accounts)
        return {ACCOUNTS_VARIABLE: pairs} if pairs else {}


def read_options(
    directory: Path,
    *,
    listen: str,
    compute: str,
    accounts: Iterable[Account],
    host_names: Iterable[str],
    applications: Iterable[str],
    tenants: Iterable[str],
    image_map: Iterable[str],
    faults: Sequence[str],
    fault_seed: int,
    quotas: Sequence[str],
    missing_sizes: Sequence[str],
    refuse_keys: str | None,
    **plain: Any,
) -> Options:
    """How to serve a data directory.

    Args:
        directory: the data directory.
        listen: see ``parse_listen``; so are ``compute``, ``host_names``, ``applications``, ``tenants``, ``image_map``,
            ``faults`` and the limits written as the ``parse_...`` of their name takes them.
        accounts: storage accounts to have besides the first one.
        plain: the other members of ``Options``, as they are.

    Raises:
        EmulatorError: a text is wrong; the message says which, and what is right.
    """
    return Options(
        directory,
        listen=parse_listen(listen),
        compute=check_compute(compute),
        accounts=tuple(accounts),
        host_names=tuple(map(parse_host_name, host_names)),
        applications=tuple(map(parse_application, applications)),
        tenants=tuple(map(parse_tenant, tenants)),
        image_map=tuple(map(parse_image, image_map)),
        faults=parse_faults(faults, fault_seed),
        limit=parse_limit(quotas, missing_sizes, refuse_keys),
        **plain,
    )


def parse_account(text: str) -> Account:
    """An account written ``NAME:KEY``, or ``NAME:KEY:SKU``.

    Raises:
        EmulatorError: the name, the key or the SKU is none that Azure would take; the key is not shown.
    """
    name, colon, rest = text.partition(":")
    key, _, sku = rest.partition(":")
    if not _ACCOUNT_NAME.fullmatch(name):
        raise EmulatorError(
            f"{name!r} is no name of a storage account: 3 to 24 lower-case letters and digits; write NAME:KEY"
        )
    try:
        known = bool(colon) and len(base64.b64decode(key, validate=True)) > 0
    except (binascii.Error, ValueError):
        known = False
    if not known:
        raise EmulatorError(f"the key of the account {name} is no base64 text; write {name}:KEY, for one")
    if sku and sku not in ACCOUNT_SKUS:
        raise EmulatorError(
            f"the account {name} cannot have the SKU {sku[:40]!r}: write {name}:KEY or one of "
            + ", ".join(f"{name}:KEY:{each}" for each in ACCOUNT_SKUS)
        )
    return Account(name, key, sku)


def check_compute(text: str) -> str:
    """A back end as ``--compute`` writes it, if there is one of its name.

    Raises:
        EmulatorError: there is none.
    """
    try:
        parse_compute(text)
    except ToolkitError as error:
        raise EmulatorError(f"--compute {text}: {error}") from None
    return text


def parse_application(text: str) -> tuple[str, tuple[str, ...]]:
    """An application written ``NAME=ROLE,ROLE``: its name and the roles that it has on every storage account.

    Raises:
        EmulatorError: the name is none, or there is no such role.
    """
    name, equals, roles = text.partition("=")
    if not _APPLICATION_NAME.fullmatch(name) or not equals:
        raise EmulatorError(
            f"--application {text}: write NAME=ROLE, for one reader=reader; a name has 1 to 64 letters, digits, - or _"
        )
    found: list[str] = []
    for role in roles.split(","):
        try:
            found += role_names(role)
        except KeyError:
            raise EmulatorError(
                f"--application {text}: there is no role {role.strip()!r}; there are {', '.join((*SETS, *ROLES))}"
            ) from None
    return name, tuple(dict.fromkeys(found))


def parse_listen(text: str) -> str:
    """An address to listen at.

    Raises:
        EmulatorError: it is no address.
    """
    try:
        return str(ipaddress.ip_address(LOOPBACK if text.lower() == "localhost" else text.strip("[]")))
    except ValueError:
        raise EmulatorError(
            f"--listen {text}: it has to be an address of this machine: 127.0.0.1, 0.0.0.0 for all of IPv4, :: for all"
        ) from None


def parse_tenant(text: str) -> str:
    """The id of a tenant, in lower case.

    Raises:
        EmulatorError: it is no GUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise EmulatorError(f"--tenant {text}: it has to be a GUID, as {uuid.UUID(int=10)} is one") from None


def parse_image(text: str) -> tuple[str, str]:
    """An image and the one to run in its place, written ``OLD=NEW``.

    Raises:
        EmulatorError: one of them is missing.
    """
    old, _, new = text.partition("=")
    if not old.strip() or not new.strip():
        raise EmulatorError(f"--image {text}: write OLD=NEW, for one 'microsoft/cntk:*=registry.example/cntk:2.7'")
    return old.strip(), new.strip()


def parse_host_name(text: str) -> str:
    """A name by which clients call this machine, in lower case.

    Raises:
        EmulatorError: it is neither a name nor an address.
    """
    name = host_of(text) if text.startswith("[") else text.lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        if not _HOST_NAME.fullmatch(name):
            raise EmulatorError(f"--host-name {text}: it has to be the name or the address of a host") from None
    return name


def parse_faults(words: Sequence[str], seed: int) -> FaultPlan | None:
    """The fault plan of a start, written ``throttle=0.3`` each; None for no words.

    Raises:
        EmulatorError: there is no such fault, or its rate is none.
    """
    return parse_plan(START_PLAN, {"seed": seed, "faults": parse_words(words)}) if words else None


def parse_limit(
    quotas: Sequence[str], missing_sizes: Sequence[str] = (), refused_keys: str | None = None
) -> SubscriptionLimit | None:
    """The limits of a start; None where nothing is limited.

    Args:
        quotas: written ``FAMILY=CORES`` each.
        missing_sizes: sizes that no region has.
        refused_keys: one of ``KEY_REFUSALS``, where account keys are refused.

    Raises:
        EmulatorError: a text is wrong; the message says which, and what is right.
    """
    if not (quotas or missing_sizes or refused_keys):
        return None
    cores: dict[str, int] = {}
    for text in quotas:
        family, _, number = text.partition("=")
        if not (number.isascii() and number.isdigit() and len(number) <= _CORE_DIGITS):
            raise EmulatorError(f"--quota {text[:60]}: write FAMILY=CORES, such as NCASv3_T4=0")
        cores[family] = int(number)
    refusal = next((each for each in KEY_REFUSALS if each == refused_keys), None)
    if refused_keys and refusal is None:
        raise EmulatorError(f"--refuse-keys {refused_keys[:60]}: write {REFUSAL_CODES}")
    return checked(SubscriptionLimit(quotas=cores, missing_sizes=tuple(missing_sizes), refused_keys=refusal))


def _limit_words(limit: SubscriptionLimit) -> list[str]:
    words = [word for family, cores in limit.quotas.items() for word in ("--quota", f"{family}={cores}")]
    words += [word for size in limit.missing_sizes for word in ("--missing-size", size)]
    return [*words, "--refuse-keys", limit.refused_keys] if limit.refused_keys else words


def parse_accounts(text: str) -> tuple[Account, ...]:
    """Accounts written ``NAME:KEY;NAME:KEY``.

    Raises:
        EmulatorError: one is wrong.
    """
    return tuple(parse_account(part.strip()) for part in text.split(";") if part.strip())

"""Parses and checks the options of an emulator as a command line writes them; each error says what is allowed."""

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.compute.catalogue import parse_compute
from harness.emulator.exposure import check_exposure
from harness.emulator.host_names import host_of
from harness.emulator.options import LOOPBACK, START_PLAN, Account, Options
from harness.emulator.roles import ROLES, SETS, role_names
from harness.emulator.subscription_limits import KEY_REFUSALS, SubscriptionLimit, checked
from harness.errors import EmulatorError, ToolkitError
from harness.fault_plans import FaultPlan, parse_plan, parse_rates

ACCOUNT_SKUS = ("Standard_LRS", "Premium_LRS")  # Premium_LRS creates an account for premium files
REFUSAL_CODES = " or ".join(KEY_REFUSALS)  # the values of ``--refuse-keys``
_CORE_DIGITS = 6
_ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}", re.ASCII)
_APPLICATION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.ASCII)


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
    """The options with which to serve a data directory.

    Args:
        directory: the data directory.
        listen: an address as ``parse_listen`` reads it. Likewise ``compute``, ``host_names``, ``applications``,
            ``tenants``, ``image_map``, ``faults`` and the limits are texts for the ``parse_...`` of their name.
        accounts: additional storage accounts.
        plain: the other fields of ``Options``, unchanged.

    Raises:
        EmulatorError: a text is wrong, or the options expose too much; the message says which, and what is allowed.
    """
    options = Options(
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
    return check_exposure(options)


def parse_account(text: str) -> Account:
    """Parse an account, written ``NAME:KEY`` or ``NAME:KEY:SKU``.

    Raises:
        EmulatorError: Azure would not accept the name, the key or the SKU; the message does not show the key.
    """
    name, colon, rest = text.partition(":")
    key, _, sku = rest.partition(":")
    if not _ACCOUNT_NAME.fullmatch(name):
        raise EmulatorError(
            f"{name!r} is not the name of a storage account: 3 to 24 lower-case letters and digits; write NAME:KEY"
        )
    try:
        is_base64 = bool(colon) and len(base64.b64decode(key, validate=True)) > 0
    except (binascii.Error, ValueError):
        is_base64 = False
    if not is_base64:
        raise EmulatorError(f"the key of the account {name} is not base64; write {name}:KEY, with a base64 key")
    if sku and sku not in ACCOUNT_SKUS:
        raise EmulatorError(
            f"the account {name} cannot have the SKU {sku[:40]!r}: write {name}:KEY or one of "
            + ", ".join(f"{name}:KEY:{choice}" for choice in ACCOUNT_SKUS)
        )
    return Account(name, key, sku)


def parse_accounts(text: str) -> tuple[Account, ...]:
    """Parse accounts, written ``NAME:KEY;NAME:KEY``.

    Raises:
        EmulatorError: an account is wrong.
    """
    return tuple(parse_account(part.strip()) for part in text.split(";") if part.strip())


def check_compute(text: str) -> str:
    """Check a back end as ``--compute`` writes it, and return it.

    Raises:
        EmulatorError: there is no back end of that name.
    """
    try:
        parse_compute(text)
    except ToolkitError as error:
        raise EmulatorError(f"--compute {text}: {error}") from None
    return text


def parse_application(text: str) -> tuple[str, tuple[str, ...]]:
    """Parse an application, written ``NAME=ROLE,ROLE``: its name and the roles that it has on every storage account.

    Raises:
        EmulatorError: the name is not valid, or a role does not exist.
    """
    name, equals, roles = text.partition("=")
    if not _APPLICATION_NAME.fullmatch(name) or not equals:
        raise EmulatorError(
            f"--application {text}: write NAME=ROLE, e.g. reader=reader; a name has 1 to 64 letters, digits, - or _"
        )
    names: list[str] = []
    for role in roles.split(","):
        try:
            names += role_names(role)
        except KeyError:
            raise EmulatorError(
                f"--application {text}: there is no role {role.strip()!r}; there are {', '.join((*SETS, *ROLES))}"
            ) from None
    return name, tuple(dict.fromkeys(names))


def parse_listen(text: str) -> str:
    """Parse an address to listen at.

    Raises:
        EmulatorError: the text is not an address.
    """
    try:
        return str(ipaddress.ip_address(LOOPBACK if text.lower() == "localhost" else text.strip("[]")))
    except ValueError:
        raise EmulatorError(
            f"--listen {text}: it must be an address of this machine: 127.0.0.1, 0.0.0.0 for all of IPv4, :: for all"
        ) from None


def parse_tenant(text: str) -> str:
    """Parse the id of a tenant, and return it in lower case.

    Raises:
        EmulatorError: the text is not a GUID.
    """
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise EmulatorError(f"--tenant {text}: it must be a GUID, e.g. {uuid.UUID(int=10)}") from None


def parse_image(text: str) -> tuple[str, str]:
    """Parse an image and the image to run in its place, written ``OLD=NEW``.

    Raises:
        EmulatorError: one of the images is missing.
    """
    old, _, new = text.partition("=")
    if not old.strip() or not new.strip():
        raise EmulatorError(f"--image {text}: write OLD=NEW, e.g. 'microsoft/cntk:*=registry.example/cntk:2.7'")
    return old.strip(), new.strip()


def parse_host_name(text: str) -> str:
    """Parse a name that clients use for this machine, and return it in lower case.

    Raises:
        EmulatorError: the text is neither a host name nor an address.
    """
    name = host_of(text) if text.startswith("[") else text.lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        if not _HOST_NAME.fullmatch(name):
            raise EmulatorError(f"--host-name {text}: it must be the name or the address of a host") from None
    return name


def parse_faults(rates: Sequence[str], seed: int) -> FaultPlan | None:
    """The fault plan of a start; None if ``rates`` is empty.

    Args:
        rates: one text for each fault, such as ``throttle=0.3``.
        seed: the seed of the plan.

    Raises:
        EmulatorError: a fault does not exist, or its rate is not valid.
    """
    return parse_plan(START_PLAN, {"seed": seed, "faults": parse_rates(rates)}) if rates else None


def parse_limit(
    quotas: Sequence[str], missing_sizes: Sequence[str] = (), refused_keys: str | None = None
) -> SubscriptionLimit | None:
    """The limits of a start; None if nothing is limited.

    Args:
        quotas: quotas, each written ``FAMILY=CORES``.
        missing_sizes: VM sizes that no region offers.
        refused_keys: one of ``KEY_REFUSALS``, if account keys are refused.

    Raises:
        EmulatorError: a text is wrong; the message says which, and what is allowed.
    """
    if not (quotas or missing_sizes or refused_keys):
        return None
    cores: dict[str, int] = {}
    for text in quotas:
        family, _, number = text.partition("=")
        if not (number.isascii() and number.isdigit() and len(number) <= _CORE_DIGITS):
            raise EmulatorError(f"--quota {text[:60]}: write FAMILY=CORES, such as NCASv3_T4=0")
        cores[family] = int(number)
    refusal = next((code for code in KEY_REFUSALS if code == refused_keys), None)
    if refused_keys and refusal is None:
        raise EmulatorError(f"--refuse-keys {refused_keys[:60]}: write {REFUSAL_CODES}")
    return checked(SubscriptionLimit(quotas=cores, missing_sizes=tuple(missing_sizes), refused_keys=refusal))

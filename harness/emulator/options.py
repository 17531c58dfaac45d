"""The options of an emulator, as a record and as command-line arguments."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.emulator.subscription_limits import SubscriptionLimit
from harness.fault_plans import FaultPlan

ACCOUNTS_VARIABLE = "HARNESS_EMULATOR_ACCOUNTS"  # NAME:KEY[:SKU];NAME:KEY; every user can read a command line
ONLY = ("storage",)
MANAGED_IDENTITIES = ("app-service", "imds")
LOOPBACK = "127.0.0.1"
START_PLAN = "start"  # the name of the fault plan of the command line, which the next start replaces
Images = Literal["host", "refuse"]


@dataclass(frozen=True, slots=True)
class Account:
    """A storage account that the emulator creates, with its key (base64); its ``repr`` does not show the key.

    An empty ``sku`` leaves an existing account as it is; a new one gets ``Standard_LRS``.
    """

    name: str
    key: str
    sku: str = ""

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve a data directory.

    Args:
        directory: the data directory; created if it is missing.
        port: the port of the proxy; 0 takes a free one, None the port of the last start if it is free, else a free one.
        guarded: stop when standard input ends, because the launcher has ended.
        only: ``storage``, to serve nothing else, or empty.
        file_port: the port of Azure Files, like ``port``; None takes 10004 at the first start, if it is free.
        blob_port: the port of blob storage, like ``port``; None takes 10000 at the first start, if it is free.
        listen: the address of all three ports; other machines can reach any but a loopback address.
        https: whether the two storage ports use TLS, with the emulator's own authority. None means that they do not,
            and is an error if other machines can reach them.
        development_key: an emulator of storage alone accepts the well-known key even if other machines can reach it.
        accounts: additional storage accounts.
        pace: speed of simulated provisioning: 1 is Azure's timing, 0 is as fast as possible.
        compute: the back end of jobs whose cluster names none: ``process``, ``container``, ``ray``, or
            ``NAME:ADDRESS``.
        images: what becomes of jobs with a container image that cannot be run here: they run on the ``host`` without
            it, or are refused (``refuse``). An empty text means ``host`` on the back end ``process`` and ``refuse`` on
            ``container``.
        image_map: images to run in place of others: pairs of names, of which the first may hold ``*``.
        container_user: the user that containers run as, in Docker's notation; empty for the default.
        faults: the fault plan that is in force while the emulator serves; see ``parse_faults``.
        cntk_python: the Python interpreter of CNTK jobs; by default the one that ``harness toolkits install cntk``
            installed, or else CNTK's API on PyTorch.
        host_names: names of this machine that clients use at the plain ports, in addition to those of loopback.
        applications: additional applications, each a name and its roles.
        copy_delay: seconds for which each copy of a file or blob is pending.
        seed: a directory whose ``file/SHARE`` and ``blob/CONTAINER`` become shares and containers.
        until: the id of a process whose end stops the emulator; 0 for none.
        log: the file in which requests are logged; by default they are not.
        managed_identity: the managed identity endpoint to serve: ``app-service``, ``imds``, or none.
        tenants: ids of additional tenants that applications can sign in to; no service accepts their tokens.
        limit: what the subscription lacks; see ``parse_limit``.
    """

    directory: Path
    port: int | None = 0
    guarded: bool = False
    only: str = ""
    file_port: int | None = 0
    blob_port: int | None = 0
    listen: str = LOOPBACK
    https: bool | None = None
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

    def arguments(self) -> list[str]:
        """The equivalent arguments of ``python -m harness.emulator``, without accounts, whose keys are secret."""
        pairs: dict[str, object] = {"--dir": self.directory, "--only": self.only, "--listen": self.listen}
        pairs |= {"--managed-identity": self.managed_identity, "--log": self.log, "--until": self.until}
        pairs |= {"--copy-delay": self.copy_delay, "--seed": self.seed}
        ports = {"--port": self.port, "--file-port": self.file_port, "--blob-port": self.blob_port}
        pairs |= {"--pace": self.pace, "--images": self.images, "--cntk-python": self.cntk_python}
        pairs |= {"--compute": self.compute, "--container-user": self.container_user}
        pairs |= {"--fault-seed": self.faults.seed if self.faults else 0}
        arguments = [
            argument for name, value in pairs.items() if value or name == "--dir" for argument in (name, str(value))
        ]
        arguments += [argument for name, port in ports.items() if port is not None for argument in (name, str(port))]
        arguments += [] if self.https is None else ["--https" if self.https else "--no-https"]
        arguments += ["--development-key"] if self.development_key else []
        rules = self.faults.faults.items() if self.faults else ()
        arguments += [argument for fault, rule in rules for argument in ("--fault", f"{fault}={rule.rate}")]
        arguments += [argument for old, new in self.image_map for argument in ("--image", f"{old}={new}")]
        arguments += [argument for name in self.host_names for argument in ("--host-name", name)]
        arguments += [argument for tenant in self.tenants for argument in ("--tenant", tenant)]
        applications = [f"{name}={','.join(roles) or 'none'}" for name, roles in self.applications]
        arguments += [argument for application in applications for argument in ("--application", application)]
        arguments += _limit_arguments(self.limit) if self.limit else []
        return [*arguments, "--guarded"] if self.guarded else arguments

    def names(self) -> tuple[str, ...]:
        """The names of this machine at the storage ports, in addition to those of loopback."""
        is_one = ipaddress.ip_address(self.listen).is_unspecified is False and self.listen != LOOPBACK
        return tuple(dict.fromkeys((*self.host_names, *([self.listen] if is_one else []))))

    def environment(self) -> dict[str, str]:
        """The environment variables that pass the accounts to the emulator's process."""
        pairs = ";".join(":".join(filter(None, (account.name, account.key, account.sku))) for account in self.accounts)
        return {ACCOUNTS_VARIABLE: pairs} if pairs else {}


def _limit_arguments(limit: SubscriptionLimit) -> list[str]:
    arguments = [argument for family, cores in limit.quotas.items() for argument in ("--quota", f"{family}={cores}")]
    arguments += [argument for size in limit.missing_sizes for argument in ("--missing-size", size)]
    return [*arguments, "--refuse-keys", limit.refused_keys] if limit.refused_keys else arguments

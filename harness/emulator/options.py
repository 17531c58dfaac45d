"""How an emulator is started, as a record and as the words of a command line."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.emulator.subscription_limits import SubscriptionLimit
from harness.fault_plans import FaultPlan

ACCOUNTS_VARIABLE = "HARNESS_EMULATOR_ACCOUNTS"  # NAME:KEY[:SKU];NAME:KEY; a command line can be read by everybody
ONLY = ("storage",)
MANAGED_IDENTITIES = ("app-service", "imds")
LOOPBACK = "127.0.0.1"
START_PLAN = "start"  # the fault plan of the command line: it ends, or changes, with the next start
Images = Literal["host", "refuse"]


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
        https: whether the two ports of storage speak TLS, with the emulator's own authority. By default,
            None, they do not; where other machines can reach them, it has to be said.
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
        words += [] if self.https is None else ["--https" if self.https else "--no-https"]
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


def _limit_words(limit: SubscriptionLimit) -> list[str]:
    words = [word for family, cores in limit.quotas.items() for word in ("--quota", f"{family}={cores}")]
    words += [word for size in limit.missing_sizes for word in ("--missing-size", size)]
    return [*words, "--refuse-keys", limit.refused_keys] if limit.refused_keys else words

"""``harness reap``: delete what earlier runs left behind, in a cloud and on this machine."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args

import click
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from harness.cli.groups import CONTEXT
from harness.cli.markup import plain
from harness.cli.options import DEFAULT_DIRECTORY
from harness.cli.output import say
from harness.clock import SystemClock
from harness.clouds import Clients, Cloud, open_cloud
from harness.compute.process_handle import ends
from harness.config import ENVIRONMENT, Settings, environment, is_own, journal_path, load_settings, trace_settings
from harness.emulator import launch
from harness.emulator.endpoint import Endpoint
from harness.emulator.orphans import (
    Orphan,
    find_orphans,
    find_undecided,
    remove_orphan,
    temporary_directories,
)
from harness.errors import CloudError, EmulatorError, UserError
from harness.resources.journal import Entry, Journal
from harness.resources.reap import DeletionResult, Verdict, close_entries, closing_entry, decide, find, reap
from harness.services.catalogue import service_resources

CloudChoice = Literal["emulator", "azure"]

_STOP_SECONDS = 10.0
_UNDECIDED = "made on another machine, or before this one was last started; if nobody uses it, delete it by hand"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class SurveyedCloud:
    """A cloud in which resources of runs were searched, and the verdict on each."""

    cloud: Cloud
    clients: Clients
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An emulator to search.

    Attributes:
        settings: the settings with which it is opened.
        may_start: whether an emulator is started if none runs.
    """

    settings: Settings
    directory: Path
    may_start: bool


@click.command("reap", context_settings=CONTEXT)
@click.option(
    "--cloud", type=click.Choice(get_args(CloudChoice)), default="emulator", show_default=True, help="Where to look."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted, and what not.")
@click.option(
    "--older-than", metavar="AGE", default="0s", help="Keep what is younger: 90m, 2h, 7d, or ISO 8601 (PT2H)."
)
@click.option("--yes", "-y", is_flag=True, help="Delete without asking.")
def reap_command(cloud: CloudChoice, dry_run: bool, older_than: str, yes: bool) -> int:
    """Delete what earlier runs made and did not delete: what has expired, or has no living owner.

    Found are the resource groups, file shares and blob containers that carry the harness's tags, the computes,
    datastores and jobs in workspaces of Azure Machine Learning that do and, for --cloud emulator, emulators on this
    machine whose run was killed. What is not ours, or belongs to a run that is alive, is never deleted.

    \b
    Examples:
      harness reap --dry-run
      harness reap --cloud azure --older-than 2h
    """
    age = _age(older_than)
    settings = load_settings(Path())
    journal = Journal(journal_path(settings, environment()))
    with ExitStack() as stack:
        if cloud == "azure":
            orphans, undecided, failures = [], [], 0
            sites = [stack.enter_context(_survey(cloud, settings, age))]
        else:
            candidates = [*temporary_directories(), *_directories(journal.open_entries())]
            orphans, undecided = find_orphans(candidates), find_undecided(candidates)
            places = _places(settings, journal, [*(orphan.directory for orphan in orphans), *undecided])
            sites, failures = _look(stack, places, age)
        old = [one for one in orphans if SystemClock().now() - one.made >= age]
        doomed = _show(sites, old, undecided)
        if not dry_run:
            if doomed:
                _confirm(doomed, yes=yes)
                failures += _delete(sites, old)
            for site in sites:
                close_entries(journal, site.cloud, site.clients, service_resources())
            _void(journal)
    _say_elsewhere(cloud, settings, journal)
    return 1 if failures else 0


def _directories(entries: Iterable[Entry]) -> list[Path]:
    """Emulators' data directories that runs have journalled."""
    return [Path(entry.place) for entry in entries if entry.cloud == "emulator" and entry.place]


def _may_be_alive(entry: Entry) -> bool:
    return entry.may_be_alive(SystemClock().now())


def _places(settings: Settings, journal: Journal, temporary: Sequence[Path]) -> list[Place]:
    """The lasting emulators to search.

    Starting an emulator runs the jobs that wait in its directory. So one is started only in a directory in which a run
    of this user has journalled something. The working directory may be anybody's work: an emulator of its own has to
    run, and so has one in a journal that its settings name.
    """
    is_own_journal = is_own(trace_settings(Path()).get("journal", ENVIRONMENT))
    open_entries = journal.open_entries()
    entries = [entry for entry in open_entries if entry.owner.state != "elsewhere" or not _may_be_alive(entry)]
    journalled = [path.absolute() for path in _directories(entries)]
    chosen = (settings.emulator_dir or DEFAULT_DIRECTORY).absolute()
    return [
        Place(
            settings.model_copy(update={"emulator_dir": directory}),
            directory,
            may_start=is_own_journal and directory in journalled,
        )
        for directory in dict.fromkeys((chosen, *journalled))
        if directory not in temporary and _has(directory, "lock") and not _has(directory, "temporary")
    ]


def _has(directory: Path, name: str) -> bool:
    """Whether a directory has a file; False where nobody can tell, since any text may be in the journal."""
    with suppress(OSError, ValueError):
        return (directory / name).exists()
    return False


def _is_gone(place: str) -> bool:
    """Whether a place in the journal provably does not exist: what cannot be looked at may be there."""
    try:
        return not Path(place).exists()
    except OSError:
        return False


def _look(stack: ExitStack, places: Sequence[Place], age: timedelta) -> tuple[list[SurveyedCloud], int]:
    """Search the emulators; returns the results, and how many do not start or answer, which is reported."""
    sites, failures = [], 0
    for place in places:
        try:
            serving = launch.find(place.directory)
            if serving is not None or place.may_start:
                sites.append(_emulated(stack, place, serving, age))
        except (EmulatorError, CloudError) as error:
            say(f"NOT looked at {place.directory}: {error}", err=True)
            failures += 1
    return sites, failures


def _emulated(stack: ExitStack, place: Place, serving: Endpoint | None, age: timedelta) -> SurveyedCloud:
    try:
        return stack.enter_context(_survey("emulator", place.settings, age, serving))
    except CloudError:
        # The emulator of a run that was killed just now may have been on its way out: then another is started.
        if serving is None or not place.may_start or not ends(serving.pid, _STOP_SECONDS):
            raise
        return stack.enter_context(_survey("emulator", place.settings, age))


@contextmanager
def _survey(
    cloud: CloudChoice, settings: Settings, age: timedelta, endpoint: Endpoint | None = None
) -> Iterator[SurveyedCloud]:
    # Nothing is recorded, so the directory of cassettes does not matter.
    with (
        open_cloud(cloud, settings, cassettes=Path(), endpoint=endpoint) as opened,
        opened.clients("reap") as clients,
    ):
        now = SystemClock().now()
        found = find(opened, clients, service_resources())
        yield SurveyedCloud(opened, clients, tuple(decide(one, now, older_than=age) for one in found))


def _show(sites: Sequence[SurveyedCloud], orphans: Sequence[Orphan], undecided: Sequence[Path]) -> int:
    """Show what was found; returns how many resources would be deleted."""
    table = Table("", "what", "name", "run", "why", box=None)
    for site in sites:
        for verdict in site.verdicts:
            found = verdict.resource
            word = "delete" if verdict.delete else "keep"
            table.add_row(word, found.kind, plain(found.name), plain(found.label.run), plain(verdict.reason))
    for left in orphans:
        living = f"{len(left.processes)} processes run" if left.processes else "no process runs"
        why = "its run was killed" if left.kind == "emulator" else "its directory was deleted"
        table.add_row("delete", left.kind, plain(str(left.directory)), "", f"{why}; {living}")
    for directory in undecided:
        table.add_row("keep", "emulator", plain(str(directory)), "", _UNDECIDED)
    if table.row_count:
        Console().print(table)
    else:
        say("nothing is left behind")
    return len(orphans) + sum(verdict.delete for site in sites for verdict in site.verdicts)


def _confirm(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nothing was deleted: there is no terminal to ask on; add --yes, or --dry-run to only look")
    click.confirm(f"Delete these {count}?", abort=True)


def _delete(sites: Sequence[SurveyedCloud], orphans: Sequence[Orphan]) -> int:
    """Delete resources, and report each; returns how many could not be deleted."""
    failures = 0
    for site in sites:
        results = reap(site.verdicts, site.cloud, site.clients, report=_report, services=service_resources())
        failures += sum(bool(result.error) for result in results)
    for left in orphans:
        is_gone = remove_orphan(left)
        say(f"{'deleted' if is_gone else 'NOT deleted'} {left.directory}")
        failures += not is_gone
    return failures


def _report(result: DeletionResult) -> None:
    found = result.verdict.resource
    if result.error:
        say(f"NOT deleted {found.kind} {found.name}: {result.error}", err=True)
    else:
        say(f"deleted {found.kind} {found.name}")


def _void(journal: Journal) -> None:
    """End the entries of ended runs whose emulator's data is gone, and everything in it."""
    for entry in journal.open_entries():
        if entry.cloud == "emulator" and not _may_be_alive(entry) and _is_gone(entry.place):
            journal.append(closing_entry(entry))
    journal.compact()


def _say_elsewhere(cloud: CloudChoice, settings: Settings, journal: Journal) -> None:
    """Say what the journal knows of that this command, as it was given, cannot reach."""
    left = [entry for entry in journal.open_entries() if entry.cloud == "azure" and entry.owner.state != "running"]
    if cloud == "emulator":
        if left:
            say(f"{len(left)} resources may be left in Azure; to look: harness reap --cloud azure", err=True)
        return
    for entry in left:
        if entry.place != settings.subscription_id:
            _say_unreached(entry, f"HARNESS_SUBSCRIPTION_ID={entry.place}")
        elif entry.kind in ("file share", "blob container") and entry.account != settings.storage_account:
            _say_unreached(entry, f"HARNESS_STORAGE_ACCOUNT={entry.account} and HARNESS_STORAGE_KEY")
        elif entry.kind == "file share" and settings.storage_auth == "identity":
            _say_unreached(entry, "HARNESS_STORAGE_AUTH=key and HARNESS_STORAGE_KEY")


def _say_unreached(entry: Entry, wanted: str) -> None:
    say(f"{entry.kind} {entry.name} of run {entry.run} may be left; to look, set {wanted}", err=True)


def _age(text: str) -> timedelta:
    try:
        if short := re.fullmatch(r"(\d+)([smhd])", text):
            return timedelta(**{_UNITS[short[2]]: int(short[1])})
        return TypeAdapter(timedelta).validate_python(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{text!r} is no age; write 90m, 2h, 7d or PT2H", param_hint="--older-than") from None

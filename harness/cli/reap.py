"""``harness reap``: delete resources that earlier runs left behind, in a cloud and on this machine."""

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
_UNDECIDED = "created on another machine, or before the last restart of this one; if it is unused, delete it by hand"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class CloudSurvey:
    """The resources of runs that were found in a cloud, each with the verdict whether to delete it."""

    cloud: Cloud
    clients: Clients
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class SearchTarget:
    """An emulator to search for resources.

    Attributes:
        settings: the settings with which the emulator is opened.
        directory: the data directory of the emulator.
        may_start: whether an emulator is started if none runs.
    """

    settings: Settings
    directory: Path
    may_start: bool


@click.command("reap", context_settings=CONTEXT)
@click.option(
    "--cloud", type=click.Choice(get_args(CloudChoice)), default="emulator", show_default=True, help="Where to look."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted and what would be kept.")
@click.option(
    "--older-than",
    metavar="AGE",
    default="0s",
    help="Keep everything younger than this: 90m, 2h, 7d, or ISO 8601 (PT2H).",
)
@click.option("--yes", "-y", is_flag=True, help="Delete without asking.")
def reap_command(cloud: CloudChoice, dry_run: bool, older_than: str, yes: bool) -> int:
    """Delete resources that earlier runs left behind: those that have expired, or whose run has ended.

    The command searches for resource groups, file shares and blob containers with the harness's tags, for computes,
    datastores and jobs with these tags in workspaces of Azure Machine Learning and, with --cloud emulator, for
    emulators on this machine whose run was killed. Resources of others, and resources of runs that are still alive, are
    never deleted.

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
            surveys = [stack.enter_context(_survey(cloud, settings, age))]
        else:
            candidates = [*temporary_directories(), *_directories(journal.open_entries())]
            orphans, undecided = find_orphans(candidates), find_undecided(candidates)
            targets = _search_targets(settings, journal, [*(orphan.directory for orphan in orphans), *undecided])
            surveys, failures = _survey_emulators(stack, targets, age)
        old = [orphan for orphan in orphans if SystemClock().now() - orphan.launched >= age]
        count = _show(surveys, old, undecided)
        if not dry_run:
            if count:
                _confirm(count, yes=yes)
                failures += _delete(surveys, old)
            for survey in surveys:
                close_entries(journal, survey.cloud, survey.clients, service_resources())
            _end_void_entries(journal)
    _report_unreachable(cloud, settings, journal)
    return 1 if failures else 0


def _directories(entries: Iterable[Entry]) -> list[Path]:
    """Return the data directories of emulators that the journal names."""
    return [Path(entry.place) for entry in entries if entry.cloud == "emulator" and entry.place]


def _may_be_alive(entry: Entry) -> bool:
    return entry.may_be_alive(SystemClock().now())


def _search_targets(settings: Settings, journal: Journal, temporary: Sequence[Path]) -> list[SearchTarget]:
    """Return the emulators to search, without those of runs that were killed.

    Starting an emulator runs the jobs that wait in its directory. Therefore an emulator is started only in a directory
    that the user's journal names. The files of the working directory may come from another person: an emulator that
    only they name, directly or through a journal, is searched only if it already runs.
    """
    is_own_journal = is_own(trace_settings(Path()).get("journal", ENVIRONMENT))
    open_entries = journal.open_entries()
    entries = [entry for entry in open_entries if entry.owner.state != "elsewhere" or not _may_be_alive(entry)]
    journalled = [path.absolute() for path in _directories(entries)]
    chosen = (settings.emulator_dir or DEFAULT_DIRECTORY).absolute()
    return [
        SearchTarget(
            settings.model_copy(update={"emulator_dir": directory}),
            directory,
            may_start=is_own_journal and directory in journalled,
        )
        for directory in dict.fromkeys((chosen, *journalled))
        if directory not in temporary and _has_file(directory, "lock") and not _has_file(directory, "temporary")
    ]


def _has_file(directory: Path, name: str) -> bool:
    """Whether a directory has a file; False if that cannot be checked, because the journal may hold any text."""
    with suppress(OSError, ValueError):
        return (directory / name).exists()
    return False


def _does_not_exist(path: str) -> bool:
    """Whether a path in the journal provably does not exist; a path that cannot be checked may exist."""
    try:
        return not Path(path).exists()
    except OSError:
        return False


def _survey_emulators(
    stack: ExitStack, targets: Sequence[SearchTarget], age: timedelta
) -> tuple[list[CloudSurvey], int]:
    """Search the emulators; returns the results, and the number of emulators that could not be searched."""
    surveys, failures = [], 0
    for target in targets:
        try:
            serving = launch.find(target.directory)
            if serving is not None or target.may_start:
                surveys.append(_survey_emulator(stack, target, serving, age))
        except (EmulatorError, CloudError) as error:
            say(f"NOT searched {target.directory}: {error}", err=True)
            failures += 1
    return surveys, failures


def _survey_emulator(stack: ExitStack, target: SearchTarget, serving: Endpoint | None, age: timedelta) -> CloudSurvey:
    try:
        return stack.enter_context(_survey("emulator", target.settings, age, serving))
    except CloudError:
        # The emulator of a run that was just killed may have been stopping: then a new one is started.
        if serving is None or not target.may_start or not ends(serving.pid, _STOP_SECONDS):
            raise
        return stack.enter_context(_survey("emulator", target.settings, age))


@contextmanager
def _survey(
    cloud: CloudChoice, settings: Settings, age: timedelta, endpoint: Endpoint | None = None
) -> Iterator[CloudSurvey]:
    # Nothing is recorded, so that the directory of cassettes is never used.
    with (
        open_cloud(cloud, settings, cassettes=Path(), endpoint=endpoint) as opened,
        opened.clients("reap") as clients,
    ):
        now = SystemClock().now()
        resources = find(opened, clients, service_resources())
        yield CloudSurvey(opened, clients, tuple(decide(resource, now, older_than=age) for resource in resources))


def _show(surveys: Sequence[CloudSurvey], orphans: Sequence[Orphan], undecided: Sequence[Path]) -> int:
    """Show the resources and the verdicts; returns how many resources would be deleted."""
    table = Table("", "what", "name", "run", "why", box=None)
    for survey in surveys:
        for verdict in survey.verdicts:
            resource = verdict.resource
            word = "delete" if verdict.delete else "keep"
            table.add_row(word, resource.kind, plain(resource.name), plain(resource.label.run), plain(verdict.reason))
    for orphan in orphans:
        living = f"{len(orphan.processes)} processes run" if orphan.processes else "no process runs"
        why = "its run was killed" if orphan.kind == "emulator" else "its directory was deleted"
        table.add_row("delete", orphan.kind, plain(str(orphan.directory)), "", f"{why}; {living}")
    for directory in undecided:
        table.add_row("keep", "emulator", plain(str(directory)), "", _UNDECIDED)
    if table.row_count:
        Console().print(table)
    else:
        say("nothing is left behind")
    return len(orphans) + sum(verdict.delete for survey in surveys for verdict in survey.verdicts)


def _confirm(count: int, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nothing was deleted: no terminal can confirm it; add --yes, or --dry-run to only look")
    click.confirm(f"Delete these {count}?", abort=True)


def _delete(surveys: Sequence[CloudSurvey], orphans: Sequence[Orphan]) -> int:
    """Delete resources, and report each of them; returns how many could not be deleted."""
    failures = 0
    for survey in surveys:
        results = reap(survey.verdicts, survey.cloud, survey.clients, report=_report, services=service_resources())
        failures += sum(bool(result.error) for result in results)
    for orphan in orphans:
        is_deleted = remove_orphan(orphan)
        say(f"{'deleted' if is_deleted else 'NOT deleted'} {orphan.directory}")
        failures += not is_deleted
    return failures


def _report(result: DeletionResult) -> None:
    resource = result.verdict.resource
    if result.error:
        say(f"NOT deleted {resource.kind} {resource.name}: {result.error}", err=True)
    else:
        say(f"deleted {resource.kind} {resource.name}")


def _end_void_entries(journal: Journal) -> None:
    """End the entries of ended runs whose emulator's data directory, with all resources in it, no longer exists."""
    for entry in journal.open_entries():
        if entry.cloud == "emulator" and not _may_be_alive(entry) and _does_not_exist(entry.place):
            journal.append(closing_entry(entry))
    journal.compact()


def _report_unreachable(cloud: CloudChoice, settings: Settings, journal: Journal) -> None:
    """Report resources in the journal that this command cannot reach with its options and settings."""
    entries = [entry for entry in journal.open_entries() if entry.cloud == "azure" and entry.owner.state != "running"]
    if cloud == "emulator":
        if entries:
            say(f"{len(entries)} resources may be left in Azure; to search: harness reap --cloud azure", err=True)
        return
    for entry in entries:
        if entry.place != settings.subscription_id:
            _report_entry(entry, f"HARNESS_SUBSCRIPTION_ID={entry.place}")
        elif entry.kind in ("file share", "blob container") and entry.account != settings.storage_account:
            _report_entry(entry, f"HARNESS_STORAGE_ACCOUNT={entry.account} and HARNESS_STORAGE_KEY")
        elif entry.kind == "file share" and settings.storage_auth == "identity":
            _report_entry(entry, "HARNESS_STORAGE_AUTH=key and HARNESS_STORAGE_KEY")


def _report_entry(entry: Entry, variables: str) -> None:
    say(f"{entry.kind} {entry.name} of run {entry.run} may be left; to search for it, set {variables}", err=True)


def _age(text: str) -> timedelta:
    try:
        if match := re.fullmatch(r"(\d+)([smhd])", text):
            return timedelta(**{_UNITS[match[2]]: int(match[1])})
        return TypeAdapter(timedelta).validate_python(text)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{text!r} is not an age; write 90m, 2h, 7d or PT2H", param_hint="--older-than"
        ) from None

"""Downloads of a finished job's files; the outcome reports the files that cannot be downloaded."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import CloudError, UnreachableError
from harness.experiments.metrics import output_patterns
from harness.experiments.run_directory import TrialDirectory, make_directory
from harness.printable import printable
from harness.scenario.consistency import STDOUTERR
from harness.scenario.job import JobSpec
from harness.scenario.metric import MetricSpec
from harness.services.service import JobOutput, OutputFile

_NUMBER = re.compile(r"\d+")
_TOOLKIT = re.compile(r"toolkit: (.+)")
_ON_CPU = "the job runs on the CPU"
_MOST_PROBLEMS = 20  # the most files that an outcome names
_LONGEST_NOTES = 64 << 10  # characters of an execution log that are read; the toolkit is at its beginning


@dataclass(slots=True)
class Collected:
    """The files of a job.

    Attributes:
        names: names of all files, by output directory.
        logs: the local files of the logs, by name.
        outputs: the local files of the other output directories, by ``OUTPUT/NAME``.
        problems: a sentence for each file or directory that could not be listed or downloaded.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)
    outputs: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def collect(
    output: JobOutput, directories: Sequence[str], target: TrialDirectory, metrics: Mapping[str, MetricSpec]
) -> Collected:
    """List the output directories of a job; download all logs, and the newest of numbered files.

    Args:
        output: the output of the job.
        directories: ids of output directories, ``stdouterr`` for the logs.
        target: the directory for the files.
        metrics: the metrics whose files are downloaded, too, numbered or not.

    Raises:
        UnreachableError: the service does not answer, so the outcome cannot be known yet.
    """
    collected = Collected()
    problems: list[str] = []
    for directory in directories:
        try:
            listing = output.files(directory)
        except UnreachableError:
            raise
        except CloudError as error:
            problems.append(str(error))
            collected.names[directory] = []
            continue
        problems += listing.problems
        collected.names[directory] = [file.name for file in listing.files]
        if directory == STDOUTERR:
            problems += _download_logs(output, listing.files, target.path, collected.logs)
        else:
            for file in newest_versions(listing.files, output_patterns(metrics, directory)):
                path = target.path / directory / file.name
                failures = list(_download(output, file, path))
                problems += failures
                if not failures:
                    collected.outputs[f"{directory}/{file.name}"] = path
    collected.problems = problems[:_MOST_PROBLEMS]
    if len(problems) > _MOST_PROBLEMS:
        collected.problems.append(f"{len(problems) - _MOST_PROBLEMS} more files could not be downloaded")
    return collected


def newest_versions(files: Sequence[OutputFile], always: Sequence[str] = ()) -> list[OutputFile]:
    """The files without older versions: of ``net_1.dnn`` and ``net_12.dnn`` the one with the highest number.

    Args:
        files: the files of one directory.
        always: patterns of names that are never left out.
    """
    selected = {file.name: file for file in files if any(fnmatchcase(file.name, pattern) for pattern in always)}
    families: dict[str, OutputFile] = {}
    for file in sorted(files, key=lambda file: [int(number) for number in _NUMBER.findall(file.name)]):
        families[_NUMBER.sub("#", file.name)] = file
    selected |= {file.name: file for file in families.values()}
    return sorted(selected.values(), key=lambda file: file.name)


def toolkit_of(logs: Mapping[str, Path], job: JobSpec) -> str:
    """The toolkit that the execution log names as the one that trained; else the one of the job's specification."""
    notes = "\n".join(_beginning(path) for name, path in sorted(logs.items()) if name.startswith("execution"))
    match = _TOOLKIT.search(notes)
    name = match[1].strip() if match else " in ".join(filter(None, (job.toolkit, job.image)))
    return f"{name}, on the CPU" if _ON_CPU in notes else name


def _download_logs(
    output: JobOutput, files: Sequence[OutputFile], directory: Path, logs: dict[str, Path]
) -> Iterator[str]:
    for file in files:
        target = directory / file.name
        yield from _download(output, file, target)
        if target.is_file():
            logs[file.name] = target


def _download(output: JobOutput, file: OutputFile, target: Path) -> Iterator[str]:
    try:
        make_directory(target.parent)
        output.download(file, target)
    except UnreachableError:
        raise
    except CloudError as error:
        yield str(error)
    except OSError as error:
        yield f"cannot write {file.directory}/{printable(file.name)} of the job to {target.parent}: {error.strerror}"


def _beginning(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as stream:
        return stream.read(_LONGEST_NOTES)

"""The user's own files that a scenario uploads, and where they may come from.

A scenario may be somebody else's: without being asked, it uploads files of its own folder only, and no link out of it.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from harness.azure_file_names import name_problem
from harness.errors import ScenarioError
from harness.scenario.document import FieldPath
from harness.scenario.model import Scenario
from harness.scenario.volumes import FileUpload

_MAX_FILES = 10_000
_LARGEST_CONDA = 256 << 10  # bytes


def own_files(scenario: Scenario, volume: FieldPath, allowed: Sequence[Path] = ()) -> dict[str, Path]:
    """The user's own files by path in a volume's directory; those of a directory are below its name.

    Args:
        scenario: names files and directories relative to its own file.
        volume: the field that defines the volume.
        allowed: directories that may be uploaded from, besides the scenario's folder (``--upload-from``).

    Raises:
        ScenarioError: one does not exist, is elsewhere, has a name that Azure Files forbids, or would replace another;
            the message gives file and line.
    """
    roots = [scenario.path.parent.resolve(), *(path.resolve() for path in allowed)]
    found: dict[str, Path] = {}
    for index, upload in enumerate(scenario.volumes[volume].upload):
        if not isinstance(upload, FileUpload):
            continue
        try:
            for name, file in _files(scenario.path.parent / upload.file, roots):
                _refuse(name, file, found)
                found[name] = file
        except ValueError as error:
            field_path = (*volume, "upload", index)
            where = f"{scenario.path}:{scenario.line(*field_path)}: {'.'.join(map(str, field_path))}"
            raise ScenarioError(f"{where}: {error}") from None
    return found


def _refuse(name: str, file: Path, found: dict[str, Path]) -> None:
    for part in PurePosixPath(name).parts:
        if problem := name_problem(part):
            raise ValueError(f"{file} cannot be uploaded: the name {part!r} {problem}")
    if name in found:
        raise ValueError(f"{found[name]} and {file} would both be uploaded as {name}")
    if len(found) >= _MAX_FILES:
        raise ValueError(f"there are more than {_MAX_FILES} files to upload; name the ones that the job needs")


def _files(path: Path, roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The files that an upload stands for, with their names on the share.

    Raises:
        ValueError: there is no such file or directory, or a file is not below one of the roots.
    """
    if not path.exists():
        raise ValueError(f"there is no file or directory {path}")
    _refuse_outside(path, roots)
    name = Path(os.path.normpath(path)).name  # a/.. is a directory, too
    if path.is_dir():
        yield from _files_below(path, name, roots, (path.resolve(),))
    elif path.is_file():
        yield name, path
    else:
        raise ValueError(f"{path} is neither a file nor a directory")


def _files_below(
    directory: Path, name: str, roots: Sequence[Path], above: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    """All files of a directory and those below; a link to a directory that is above it is not followed."""
    for path in sorted(directory.iterdir()):
        below = f"{name}/{path.name}"
        if path.is_dir():
            _refuse_outside(path, roots)
            if (real := path.resolve()) not in above:
                yield from _files_below(path, below, roots, (*above, real))
        elif path.is_file():
            _refuse_outside(path, roots)
            yield below, path


def _refuse_outside(path: Path, roots: Sequence[Path]) -> None:
    real = path.resolve()
    if not any(real.is_relative_to(root) for root in roots):
        leads = f"leads to {real}, which" if path.is_symlink() else f"({real})"
        raise ValueError(
            f"{path} {leads} is outside of the scenario's folder {roots[0]}; to upload it nevertheless, give the "
            f"option --upload-from {real if real.is_dir() else real.parent}"
        )


def conda_of(scenario: Scenario) -> str | None:
    """The text of the conda file that a scenario names; None where it names none.

    Raises:
        ScenarioError: it does not exist, is outside of the scenario's folder, or is no text of a usual size; the
            message gives file and line.
    """
    environment = scenario.azureml.environment
    if environment is None or environment.conda is None:
        return None
    path = scenario.path.parent / environment.conda
    try:
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        _refuse_outside(path, [scenario.path.parent.resolve()])
        if path.stat().st_size > _LARGEST_CONDA:
            raise ValueError(f"{path} has more than {_LARGEST_CONDA >> 10} KiB")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        line = scenario.line("azureml", "environment", "conda")
        raise ScenarioError(f"{scenario.path}:{line}: azureml.environment.conda: {error}") from None

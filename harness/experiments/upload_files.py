"""The user's own files that a scenario uploads, and the directories from which it may upload.

A scenario may be a stranger's, so by default it uploads only files of its own folder, and no link that leads out of it.
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
    """The user's own files, by their path in the volume's directory; files of a directory are below its name.

    Args:
        scenario: names files and directories relative to its own file.
        volume: the field that defines the volume.
        allowed: directories that may be uploaded from, besides the scenario's folder (``--upload-from``).

    Raises:
        ScenarioError: a file does not exist, is outside of the allowed directories, has a name that Azure Files
            forbids, or would replace another; the message has file and line.
    """
    roots = [scenario.path.parent.resolve(), *(path.resolve() for path in allowed)]
    files: dict[str, Path] = {}
    for index, upload in enumerate(scenario.volumes[volume].upload):
        if not isinstance(upload, FileUpload):
            continue
        try:
            for name, file in _files(scenario.path.parent / upload.file, roots):
                _refuse(name, file, files)
                files[name] = file
        except ValueError as error:
            field_path = (*volume, "upload", index)
            location = f"{scenario.path}:{scenario.line(*field_path)}: {'.'.join(map(str, field_path))}"
            raise ScenarioError(f"{location}: {error}") from None
    return files


def _refuse(name: str, file: Path, files: dict[str, Path]) -> None:
    for part in PurePosixPath(name).parts:
        if problem := name_problem(part):
            raise ValueError(f"{file} cannot be uploaded: the name {part!r} {problem}")
    if name in files:
        raise ValueError(f"{files[name]} and {file} would both be uploaded as {name}")
    if len(files) >= _MAX_FILES:
        raise ValueError(f"there are more than {_MAX_FILES} files to upload; name the ones that the job needs")


def _files(path: Path, roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """The files of one upload, with their names on the share.

    Raises:
        ValueError: there is no such file or directory, or a file is not below one of the roots.
    """
    if not path.exists():
        raise ValueError(f"there is no file or directory {path}")
    _refuse_outside(path, roots)
    name = Path(os.path.normpath(path)).name  # a path such as a/.. ends in no name
    if path.is_dir():
        yield from _files_below(path, name, roots, (path.resolve(),))
    elif path.is_file():
        yield name, path
    else:
        raise ValueError(f"{path} is neither a file nor a directory")


def _files_below(
    directory: Path, name: str, roots: Sequence[Path], ancestors: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    """All files of a directory and its subdirectories; a link to one of the directories above is not followed."""
    for path in sorted(directory.iterdir()):
        path_name = f"{name}/{path.name}"
        if path.is_dir():
            _refuse_outside(path, roots)
            if (target := path.resolve()) not in ancestors:
                yield from _files_below(path, path_name, roots, (*ancestors, target))
        elif path.is_file():
            _refuse_outside(path, roots)
            yield path_name, path


def _refuse_outside(path: Path, roots: Sequence[Path]) -> None:
    target = path.resolve()
    if not any(target.is_relative_to(root) for root in roots):
        location = f"leads to {target}, which" if path.is_symlink() else f"({target})"
        raise ValueError(
            f"{path} {location} is outside of the scenario's folder {roots[0]}; to upload it nevertheless, give the "
            f"option --upload-from {target if target.is_dir() else target.parent}"
        )


def conda_of(scenario: Scenario) -> str | None:
    """The text of the conda file that a scenario names; None if it names none.

    Raises:
        ScenarioError: the file does not exist, is outside of the scenario's folder, is too large or is no text; the
            message has file and line.
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

"""Opens the study of a scenario's search, which needs the extra ``search``."""

from functools import cache, partial
from typing import TYPE_CHECKING

from harness import search
from harness.errors import ScenarioError, UserError
from harness.scenario.model import Scenario
from harness.scenario.swept_files import find_files

if TYPE_CHECKING:
    from harness.search import Study


def study_of(scenario: Scenario, storage: str | None, name: str | None = None) -> "Study":
    """The study of a scenario, new or continued.

    Args:
        scenario: a scenario with a search.
        storage: the URL of a database in Optuna's form; None to keep the study in memory.
        name: the name of the study; default the scenario's.

    Raises:
        UserError: Optuna is not installed, or the study cannot be opened.
        ScenarioError: the study is kept in memory and cannot be opened, so the scenario's search is wrong.
    """
    try:
        open_study = search.open_study
    except ModuleNotFoundError as error:
        missing = error.name or "optuna"
        raise UserError(
            f"{scenario.path}: a search needs {missing}, which is not installed: pip install 'batchai-harness[search]'"
        ) from None
    uploads = [upload.model_dump() for volume in scenario.volumes.values() for upload in volume.upload]
    try:
        return open_study(
            scenario.sweep,
            name=name or scenario.scenario,
            storage=storage,
            find=cache(partial(find_files, scenario.path.parent, uploads)),
            constants={name: value for name, value in scenario.parameters.items() if name not in scenario.swept},
        )
    except UserError as error:
        if storage is not None:
            raise
        line = scenario.line("sweep", "search")
        raise ScenarioError(f"{scenario.path}:{line}: sweep.search: {error}") from error

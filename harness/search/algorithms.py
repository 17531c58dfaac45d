"""Samplers and pruners of Optuna, and of the user's own, from what a scenario says of them."""

import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import UserError
from harness.scenario.search import PLANNED, AlgorithmSpec

_SAMPLERS: Mapping[str, Callable[..., BaseSampler]] = {
    **dict.fromkeys(PLANNED, RandomSampler),  # their points are given to the study, and drawn by nobody
    "tpe": TPESampler,
    "cmaes": CmaEsSampler,
    "nsga2": NSGAIISampler,
    "gp": GPSampler,
}
_PRUNERS: Mapping[str, Callable[..., BasePruner]] = {
    "hyperband": HyperbandPruner,
    "asha": SuccessiveHalvingPruner,
    "median": MedianPruner,
    "percentile": PercentilePruner,
    "patience": PatientPruner,
}


def make_sampler(spec: AlgorithmSpec, seed: int) -> BaseSampler:
    """A sampler.

    Raises:
        UserError: it does not take an option, or the user's own cannot be made.
    """
    make = _own(spec.name, BaseSampler) if spec.is_own else _SAMPLERS[spec.name]
    sampler: BaseSampler = _made("sampler", spec, make, spec.options | ({"seed": seed} if _takes(make, "seed") else {}))
    return sampler


def make_pruner(spec: AlgorithmSpec | None) -> BasePruner:
    """A pruner; one that prunes nothing where none is given.

    Raises:
        UserError: it does not take an option, or the user's own cannot be made.
    """
    if spec is None:
        return NopPruner()
    options: dict[str, Any] = dict(spec.options)
    if spec.name == "patience":
        wrapped = options.pop("wrapped", None)
        if wrapped is not None and wrapped not in _PRUNERS:
            raise UserError(f"pruner patience: wrapped is one of {', '.join(_PRUNERS)}, not {wrapped!r}")
        options["wrapped_pruner"] = None if wrapped is None else make_pruner(AlgorithmSpec(name=str(wrapped)))
    make = _own(spec.name, BasePruner) if spec.is_own else _PRUNERS[spec.name]
    pruner: BasePruner = _made("pruner", spec, make, options)
    if not spec.is_own:
        with blamed("pruner", spec):
            _use_once(pruner)  # some options are looked at when a trial is judged: then jobs run already
    return pruner


@contextmanager
def blamed(kind: str, spec: AlgorithmSpec | None) -> Iterator[None]:
    """Report an error of a sampler or a pruner, which may be the user's own, as the user's to mend."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError, UserError):
        raise
    except Exception as error:  # whatever their code raises
        frame = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{kind} {spec.name if spec else 'none'} fails: {type(error).__name__}: {error}"
        raise UserError(f"{what} ({frame.filename}:{frame.lineno}); mend it or its options") from error


def _use_once(pruner: BasePruner) -> None:
    """Have a pruner judge a trial of a study that nobody keeps."""
    study = optuna.create_study(pruner=pruner)
    trial = study.ask()
    trial.report(0.0, step=1)
    trial.should_prune()


def _own(name: str, kind: type[Any]) -> Callable[..., Any]:
    """The class that ``module:attribute`` names.

    A scenario may be a stranger's: nothing but a class of this kind is called.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{name} cannot be loaded: {error}; is its module installed, or on PYTHONPATH?") from None
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise UserError(f"{name} is no class that derives from optuna's {kind.__name__}")
    return found


def _made(kind: str, spec: AlgorithmSpec, make: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    unknown = [
        name for name in spec.options if not _takes(make, name) and not (spec.name == "patience" and name == "wrapped")
    ]
    if unknown:
        taken = ", ".join(name for name in inspect.signature(make).parameters if name not in ("self", "seed"))
        raise UserError(f"{kind} {spec.name} has no option {unknown[0]!r}; it has: {taken or 'none'}")
    try:
        return make(**options)
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(f"{kind} {spec.name} cannot be made: {error}") from None


def _takes(make: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(make).parameters
    is_open = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return name in parameters or is_open

"""Creates the samplers and pruners that a scenario names: those of Optuna, and the user's own."""

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
    **dict.fromkeys(PLANNED, RandomSampler),  # the study gets their points in advance, so none is drawn
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
    """The sampler of a specification.

    Raises:
        UserError: the sampler does not have an option, or the user's own sampler cannot be created.
    """
    make = _load_class(spec.name, BaseSampler) if spec.is_own else _SAMPLERS[spec.name]
    sampler: BaseSampler = _create(
        "sampler", spec, make, spec.options | ({"seed": seed} if _has_option(make, "seed") else {})
    )
    return sampler


def make_pruner(spec: AlgorithmSpec | None) -> BasePruner:
    """The pruner of a specification; without a specification, one that prunes nothing.

    Raises:
        UserError: the pruner does not have an option, or the user's own pruner cannot be created.
    """
    if spec is None:
        return NopPruner()
    options: dict[str, Any] = dict(spec.options)
    if spec.name == "patience":
        wrapped = options.pop("wrapped", None)
        if wrapped is not None and wrapped not in _PRUNERS:
            raise UserError(f"pruner patience: wrapped is one of {', '.join(_PRUNERS)}, not {wrapped!r}")
        options["wrapped_pruner"] = None if wrapped is None else make_pruner(AlgorithmSpec(name=str(wrapped)))
    make = _load_class(spec.name, BasePruner) if spec.is_own else _PRUNERS[spec.name]
    pruner: BasePruner = _create("pruner", spec, make, options)
    if not spec.is_own:
        with algorithm_errors("pruner", spec):
            _try_out(pruner)  # some options are checked only when a trial is judged, while jobs run already
    return pruner


@contextmanager
def algorithm_errors(kind: str, spec: AlgorithmSpec | None) -> Iterator[None]:
    """Report any error of a sampler or pruner, which may be the user's own, as a UserError."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError, UserError):
        raise
    except Exception as error:  # the user's code may raise anything
        frame = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{kind} {spec.name if spec else 'none'} fails: {type(error).__name__}: {error}"
        raise UserError(f"{message} ({frame.filename}:{frame.lineno}); correct it or its options") from error


def _try_out(pruner: BasePruner) -> None:
    """Let a pruner judge a trial of a temporary study."""
    study = optuna.create_study(pruner=pruner)
    trial = study.ask()
    trial.report(0.0, step=1)
    trial.should_prune()


def _load_class(name: str, kind: type[Any]) -> Callable[..., Any]:
    """The class that ``module:attribute`` names.

    A scenario may be a stranger's, so only a class that derives from ``kind`` is called.
    """
    module, _, attribute = name.partition(":")
    try:
        cls: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{name} cannot be loaded: {error}; is its module installed, or on PYTHONPATH?") from None
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise UserError(f"{name} is no class that derives from optuna's {kind.__name__}")
    return cls


def _create(kind: str, spec: AlgorithmSpec, make: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    unknown = [
        name
        for name in spec.options
        if not _has_option(make, name) and not (spec.name == "patience" and name == "wrapped")
    ]
    if unknown:
        options_text = ", ".join(name for name in inspect.signature(make).parameters if name not in ("self", "seed"))
        raise UserError(f"{kind} {spec.name} has no option {unknown[0]!r}; it has: {options_text or 'none'}")
    try:
        return make(**options)
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(f"{kind} {spec.name} cannot be created: {error}") from None


def _has_option(make: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(make).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return name in parameters or takes_any

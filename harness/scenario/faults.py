"""The section ``faults`` of a scenario: faults that the emulator injects, their rates, and the seed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from harness.errors import UserError
from harness.fault_vocabulary import (
    FAULTS,
    MAX_SECONDS,
    MAX_SEED,
    MIN_SEED,
    MIN_TIMES,
    SECONDS,
    no_duration,
    unknown_fault,
)
from harness.scenario.document import read_value
from harness.scenario.record import Record, invalid_fields, mistakes_in
from harness.validation_messages import describe_mistake

Rate = Annotated[float, Field(ge=0, le=1)]


class FaultRule(Record):
    """How often a fault strikes: at a rate, at most ``times``, for ``seconds`` if it has a duration."""

    rate: Rate
    times: int | None = Field(default=None, ge=MIN_TIMES)
    seconds: float | None = Field(default=None, ge=0, le=MAX_SECONDS)


def _shape(value: Any) -> str:
    return "fault rule" if isinstance(value, dict | FaultRule) else "fault rate"


Fault = Annotated[Annotated[Rate, Tag("fault rate")] | Annotated[FaultRule, Tag("fault rule")], Discriminator(_shape)]
_Optional = Fault | None


class FaultsSpec(Record):
    """Faults that the emulator injects; the same seed and the same requests give the same faults.

    Each of ``FAULTS`` has a field, so that editors complete its name from the schema.
    """

    seed: int = Field(default=0, ge=MIN_SEED, le=MAX_SEED)
    throttle: _Optional = None
    unavailable: _Optional = None
    drop: _Optional = None
    cut: _Optional = None
    slow: _Optional = None
    expired_token: _Optional = Field(default=None, alias="expired-token")
    late_read: _Optional = Field(default=None, alias="late-read")
    clock_skew: _Optional = Field(default=None, alias="clock-skew")
    full_disk: _Optional = Field(default=None, alias="full-disk")
    image_pull: _Optional = Field(default=None, alias="image-pull")
    no_boot: _Optional = Field(default=None, alias="no-boot")
    preempt: _Optional = None

    @model_validator(mode="after")
    def _has_durations(self) -> "FaultsSpec":
        lasting = [name for name, rule in self.rules.items() if isinstance(rule, dict) and "seconds" in rule]
        if wrong := [name for name in lasting if name not in SECONDS]:
            raise invalid_fields(*(((name,), no_duration(name)) for name in wrong))
        return self

    @property
    def rules(self) -> dict[str, Any]:
        """The requested faults by name, in the emulator's form."""
        return self.model_dump(exclude={"seed"}, exclude_none=True, by_alias=True)

    def __str__(self) -> str:
        rules = [f"{name} {_rule_text(rule)}" for name, rule in self.rules.items()]
        return f"{', '.join(rules)}; seed {self.seed}" if rules else "none"


def with_faults(spec: FaultsSpec, texts: Sequence[str], seed: int | None) -> FaultsSpec:
    """Return the faults of a scenario with those of a command line, which take precedence.

    Args:
        spec: the faults of the scenario.
        texts: the faults of the command line: ``throttle=0.3``, or ``preempt={rate: 1, times: 1}``.
        seed: replaces the seed of the scenario, if given.

    Raises:
        UserError: a text has no fault or no rate.
    """
    additions = dict(map(_parse_fault, texts))
    seeds = {} if seed is None else {"seed": seed}
    try:
        return FaultsSpec.model_validate({"seed": spec.seed, **spec.rules, **additions, **seeds})
    except ValidationError as error:
        mistake = error.errors()[0]
        if fields := mistakes_in(mistake["type"], mistake.get("ctx", {})):
            raise UserError("; ".join(f"--fault {path[0]}: {text}" for path, text in fields)) from None
        value = "" if mistake["type"] == "missing" else f"; found {mistake['input']!r}"
        name = ".".join(str(step) for step in mistake["loc"] if step not in ("fault rate", "fault rule"))
        raise UserError(f"--fault {name}: {describe_mistake(mistake)}{value}") from None


def _parse_fault(assignment: str) -> tuple[str, Any]:
    name, equals, text = assignment.partition("=")
    if not equals or not text:
        raise UserError(f"--fault {assignment}: write NAME=RATE, such as throttle=0.3; one of: {', '.join(FAULTS)}")
    if name not in FAULTS:
        raise UserError(f"--fault {assignment}: {unknown_fault(name)}")
    try:
        return name, read_value(text)
    except ValueError:
        raise UserError(f"--fault {assignment}: {text!r} is not a rate; write a number from 0 to 1") from None


def _rule_text(rule: float | Mapping[str, float]) -> str:
    if not isinstance(rule, Mapping):
        return f"{rule:g}"
    times = f" at most {rule['times']} time(s)" if "times" in rule else ""
    seconds = f" for {rule['seconds']:g} s" if "seconds" in rule else ""
    return f"{rule['rate']:g}{times}{seconds}"

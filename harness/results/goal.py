"""Goals, by which one trial is better than another: a metric, and whether less or more is better. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.scenario.direction import DIRECTIONS, Direction, cost
from harness.suggestions import suggestion

_LESS_IS_BETTER = ("loss", "err", "perplexity", "mse", "rmse", "mae", "nll", "wer", "cost", "seconds", "time")
_MORE_IS_BETTER = ("acc", "auc", "f1", "score", "reward", "precision", "recall", "bleu", "iou", "map", "r2")


@dataclass(frozen=True, slots=True)
class Goal:
    """A metric to minimize or maximize."""

    direction: Direction
    metric: str

    def __str__(self) -> str:
        return f"{self.direction} {self.metric}"

    def rank(self, value: float) -> float:
        """A number that is smaller for a better value."""
        return cost(value, self.direction)


def best_first(outcomes: Iterable[Outcome], goal: Goal) -> list[Outcome]:
    """The trials that have a final value, the best first; equally good ones in the order in which they ended."""
    values = ((outcome.final_value(goal.metric), outcome) for outcome in outcomes)
    ranked = [(goal.rank(value), outcome) for value, outcome in values if value is not None]
    return [outcome for _, outcome in sorted(ranked, key=lambda pair: pair[0])]


def read_goal(arguments: tuple[str, str], metrics: Sequence[str]) -> Goal:
    """The goal of two arguments such as ``minimize loss``.

    Args:
        arguments: a direction and a metric.
        metrics: the existing metrics.

    Raises:
        UserError: the direction or the metric is unknown; the message has the known ones.
    """
    word, metric = arguments
    direction = next((name for name in DIRECTIONS if name == word), None)
    if direction is None:
        raise UserError(f"--goal {word} {metric}: the first word is minimize or maximize, the second a metric")
    if metric not in metrics:
        hint = suggestion(metric, metrics) if metrics else "no trial has a metric"
        raise UserError(f"--goal {word} {metric}: there is no metric {metric!r}; {hint}")
    return Goal(direction, metric)


def guessed_direction(metric: str) -> Direction:
    """The likely direction of a metric, by its name: ``minimize`` unless the name contains a word such as ``acc``."""
    name = metric.lower()
    if any(word in name for word in _LESS_IS_BETTER):
        return "minimize"
    return "maximize" if any(word in name for word in _MORE_IS_BETTER) else "minimize"

"""How an emulator behaves, as whoever starts it wants it: the same in every way of starting one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What can be chosen.

    Args:
        pace: of all that the service took its time for: 1 is its own pace, 0 takes no time that is not needed.
        images: what becomes of jobs that ask for a container image: they run on the ``host`` without it, or they are
            ``refuse``d.
        cntk_python: the interpreter of CNTK jobs; default the one that ``harness toolkits install cntk`` made, or
            CNTK's API on PyTorch.
    """

    pace: float = 0.0
    images: Literal["host", "refuse"] = "host"
    cntk_python: Path | None = None

    def arguments(self) -> list[str]:
        """The words for ``python -m harness.emulator``."""
        chosen = ["--cntk-python", str(self.cntk_python)] if self.cntk_python else []
        return ["--pace", str(self.pace), "--images", self.images, *chosen]


DEFAULT_BEHAVIOUR = Behaviour()

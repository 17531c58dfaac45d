"""On which volume the script of a job is, and where, as far as the scenario says. Pure."""

import re
from collections.abc import Mapping

from harness.scenario.document import FieldPath
from harness.scenario.job import JobSpec
from harness.scenario.model import Scenario

_MOUNT_ROOT = "AZ_BATCHAI_MOUNT_ROOT"
_INPUT = "AZ_BATCHAI_INPUT_"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def script_on_volume(job: JobSpec, scenario: Scenario) -> tuple[FieldPath, str] | None:
    """The field of the volume that holds a job's script, and the script's path from the root of that volume.

    None where it is on no volume, or is no script. A script may lie on the node, in the image, or where a preparation
    command puts it: only shares and containers can be looked at.
    """
    if job.script is None or job.command is not None:
        return None
    inputs = {f"{_INPUT}{name}": path for name, path in job.inputs.items()}
    path = _expanded(_expanded(job.script, inputs), {_MOUNT_ROOT: ""})
    for field_path, volume in scenario.volumes.items():
        below = path.removeprefix(f"/{volume.mount.strip('/')}/")
        if path != below and "$" not in below:
            return field_path, below
    return None


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), text)

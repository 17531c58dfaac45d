"""The volume and path of a job's script, as far as the scenario determines them. Pure."""

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

    None if the job has no script, or the script is on no volume: it may be on the node, in the image, or created by a
    preparation command, and the harness can list shares and containers only.
    """
    if job.script is None or job.command is not None:
        return None
    inputs = {f"{_INPUT}{name}": path for name, path in job.inputs.items()}
    path = _expand(_expand(job.script, inputs), {_MOUNT_ROOT: ""})
    for field_path, volume in scenario.volumes.items():
        relative_path = path.removeprefix(f"/{volume.mount.strip('/')}/")
        if path != relative_path and "$" not in relative_path:
            return field_path, relative_path
    return None


def _expand(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), text)

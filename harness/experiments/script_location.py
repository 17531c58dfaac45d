"""Where on the share the script of a job is, as far as the scenario tells. Pure."""

import re
from collections.abc import Mapping

from harness.scenario.model import JobSpec, ShareSpec

_MOUNT_ROOT = "AZ_BATCHAI_MOUNT_ROOT"
_INPUT = "AZ_BATCHAI_INPUT_"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def script_on_share(job: JobSpec, share: ShareSpec) -> str | None:
    """Where on the share a job's script is, from its root; None where it is not on the share, or is no script.

    A script may lie on the node, in the image, or where a preparation command puts it: only the share can be looked at.
    """
    if job.script is None or job.command is not None:
        return None
    inputs = {f"{_INPUT}{name}": path for name, path in job.inputs.items()}
    path = _expanded(_expanded(job.script, inputs), {_MOUNT_ROOT: ""})
    mount = f"/{share.mount.strip('/')}/"
    below = path.removeprefix(mount)
    return below if path != below and "$" not in below else None


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), text)

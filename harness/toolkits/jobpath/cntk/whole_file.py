"""Writes files atomically."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch


def save_atomically(content: Any, filename: str) -> None:
    """Write content atomically with ``torch.save``; a missing folder is created, as in CNTK.

    Args:
        content: records and tensors.
        filename: the file; what it holds is replaced.

    Raises:
        OSError: the file or its folder cannot be written.
    """
    target = Path(filename)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".cntk.")
    try:
        with os.fdopen(handle, "wb") as stream:
            torch.save(content, stream)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch


def save_whole(content: Any, filename: str) -> None:
    """Write what ``torch.save`` can write; a missing folder is made, as CNTK does.

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

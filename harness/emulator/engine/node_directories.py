"""Deletion of what nodes and file servers had on this machine's disk."""

import logging
from pathlib import Path

from harness.tree_removal import remove_tree

_log = logging.getLogger(__name__)


def delete_directory(directory: Path) -> None:
    """Delete a directory with all that is in it, if it is there; what the disk refuses to delete is logged."""
    try:
        remove_tree(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning("%s could not be deleted: %s", directory, error)

"""Deletes the directories of nodes and file servers."""

import logging
from pathlib import Path

from harness.tree_removal import remove_tree

_log = logging.getLogger(__name__)


def delete_directory(directory: Path) -> None:
    """Delete a directory tree, if it exists; errors are logged."""
    try:
        remove_tree(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        _log.warning("%s could not be deleted: %s", directory, error)

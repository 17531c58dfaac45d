"""Directories of a user's own settings, journal and downloads, by the XDG specification."""

from collections.abc import Mapping
from pathlib import Path


def user_settings_file(environ: Mapping[str, str]) -> Path:
    """Return the user's own settings file: ``batchai-harness/settings.toml`` in ``XDG_CONFIG_HOME`` (``~/.config``)."""
    return user_directory(environ, "XDG_CONFIG_HOME", ".config") / "settings.toml"


def mnist_cache(environ: Mapping[str, str]) -> Path:
    """Return where ``harness data mnist`` keeps the idx files: ``batchai-harness/mnist`` below ``XDG_CACHE_HOME``."""
    return user_directory(environ, "XDG_CACHE_HOME", ".cache") / "mnist"


def user_directory(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """Return the harness's directory below the one that an XDG variable names, or below its default."""
    # The XDG specification requires that a relative path is ignored.
    chosen = Path(environ.get(variable) or "")
    root = chosen if chosen.is_absolute() else Path(environ.get("HOME") or Path.home()) / default
    return root / "batchai-harness"

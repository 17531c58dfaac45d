"""Where a user's own settings, journal and downloads are, as the XDG specification says."""

from collections.abc import Mapping
from pathlib import Path


def user_settings_file(environ: Mapping[str, str]) -> Path:
    """The user's own settings: ``batchai-harness/settings.toml`` below ``XDG_CONFIG_HOME`` (``~/.config``)."""
    return user_directory(environ, "XDG_CONFIG_HOME", ".config") / "settings.toml"


def mnist_cache(environ: Mapping[str, str]) -> Path:
    """Where ``harness data mnist`` keeps the idx files: ``batchai-harness/mnist`` below ``XDG_CACHE_HOME``."""
    return user_directory(environ, "XDG_CACHE_HOME", ".cache") / "mnist"


def user_directory(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """Our directory below the one that a variable of the XDG specification names, or below its default."""
    # The XDG specification: a relative path is to be ignored.
    chosen = Path(environ.get(variable) or "")
    root = chosen if chosen.is_absolute() else Path(environ.get("HOME") or Path.home()) / default
    return root / "batchai-harness"

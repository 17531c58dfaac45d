"""Settings: the only reader of the environment, ``harness.toml`` and ``.env``."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.config.settings import (
        ENVIRONMENT,
        OWN_SETTINGS,
        SETTINGS_FILE,
        Settings,
        environment,
        is_own,
        journal_path,
        load_settings,
        trace_settings,
    )
    from harness.config.user_directories import mnist_cache
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "ENVIRONMENT": "settings",
            "OWN_SETTINGS": "settings",
            "SETTINGS_FILE": "settings",
            "Settings": "settings",
            "environment": "settings",
            "is_own": "settings",
            "journal_path": "settings",
            "load_settings": "settings",
            "mnist_cache": "user_directories",
            "trace_settings": "settings",
        },
    )

__all__ = [
    "ENVIRONMENT",
    "OWN_SETTINGS",
    "SETTINGS_FILE",
    "Settings",
    "environment",
    "is_own",
    "journal_path",
    "load_settings",
    "mnist_cache",
    "trace_settings",
]

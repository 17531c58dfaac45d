"""The name under which some scripts import CNTK's native module directly."""

from cntk.cntk_py import *  # type: ignore[import-not-found]  # noqa: F403  # on the path of jobs
from cntk.missing import missing  # type: ignore[import-not-found]

__getattr__ = missing(__name__)

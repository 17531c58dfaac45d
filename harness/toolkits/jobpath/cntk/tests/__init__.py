"""``cntk.tests``, of which notebooks and samples import ``test_utils``."""

from ..missing import missing

__getattr__ = missing(__name__)

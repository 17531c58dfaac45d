from tests.compute.conftest import job

__all__ = ["job"]

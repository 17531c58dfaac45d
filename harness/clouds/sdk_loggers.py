"""Keeps secrets and repeated errors out of the SDKs' logs while a cloud is open; levels and handlers stay the same."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from harness.recording.placeholders import WORD

_SIGNATURE = re.compile(r"(?<=[?&]sig=)[^&\s\"']+")


class _WithoutSignatures(logging.Filter):
    """urllib3 logs the address of every request at DEBUG, and of one that it repeats as a warning: links are secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _SIGNATURE.sub(WORD, record.getMessage()), ()
        return True


class _FromWarning(logging.Filter):
    """azure-core logs every request at INFO, in several lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


class _Nothing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the signature is logging's
        return False


def _filters() -> Mapping[str, logging.Filter]:
    """A filter for each logger; a filter of a logger does not hold for the loggers below it."""
    identity = (
        "_credentials.chained",
        "_credentials.default",
        "_credentials.environment",
        "_internal.decorators",
        "_internal.get_token_mixin",
    )
    return {
        "urllib3.connectionpool": _WithoutSignatures(),
        "azure.core.pipeline.policies.http_logging_policy": _FromWarning(),
        # It logs whole requests, signatures included.
        "azure.storage.common.storageclient": _Nothing(),
        # It reports with a traceback that a refused HEAD has no body.
        "azure.mgmt.resource.resources._utils.model_base": _Nothing(),
        # The harness reports a refused sign-in itself, once.
        **{f"azure.identity.{name}": _Nothing() for name in identity},
    }


@contextmanager
def filtered_loggers() -> Iterator[None]:
    """Filter what the SDKs log for as long as the block lasts; blocks may overlap."""
    filters = _filters()
    for name, each in filters.items():
        logging.getLogger(name).addFilter(each)
    try:
        yield
    finally:
        for name, each in filters.items():
            logging.getLogger(name).removeFilter(each)

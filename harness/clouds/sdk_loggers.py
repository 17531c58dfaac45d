"""Filters that keep secrets and repeated errors out of the SDKs' logs; levels and handlers do not change."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from harness.recording.placeholders import WORD

_SIGNATURE = re.compile(r"(?<=[?&]sig=)[^&\s\"']+")


class _WithoutSignatures(logging.Filter):
    """Removes signatures: urllib3 logs the URL of every request at DEBUG, and of every retry as a warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _SIGNATURE.sub(WORD, record.getMessage()), ()
        return True


class _FromWarning(logging.Filter):
    """Drops messages below WARNING: azure-core logs every request at INFO, in several lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


class _Nothing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the signature is logging's
        return False


def _filters() -> Mapping[str, logging.Filter]:
    """A filter for each logger; the filter of a logger does not apply to the loggers below it."""
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
        # This logger logs complete requests, including signatures.
        "azure.storage.common.storageclient": _Nothing(),
        # This logger reports, with a traceback, that a refused HEAD has no body.
        "azure.mgmt.resource.resources._utils.model_base": _Nothing(),
        # The harness reports a refused sign-in itself, once.
        **{f"azure.identity.{name}": _Nothing() for name in identity},
    }


@contextmanager
def filtered_loggers() -> Iterator[None]:
    """Filter the logs of the SDKs while the block runs; blocks may overlap."""
    filters = _filters()
    for name, log_filter in filters.items():
        logging.getLogger(name).addFilter(log_filter)
    try:
        yield
    finally:
        for name, log_filter in filters.items():
            logging.getLogger(name).removeFilter(log_filter)

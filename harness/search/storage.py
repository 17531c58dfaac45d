"""Opens Optuna's storage of studies, and reports its errors to the user."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from harness.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")


def report_storage_errors(method: Callable[P, T]) -> Callable[P, T]:
    """Report an error of the storage (a full disk, a lock, a stopped server) as a UserError."""

    @wraps(method)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except (StorageInternalError, SQLAlchemyError) as error:
            reason = str(error.__cause__ or error).partition("\n")[0]
            text = f"the storage of the study cannot be used: {reason}; once it can, continue with --out DIR --resume"
            raise UserError(text) from error

    return wrapper


def open_storage(storage: str | None) -> BaseStorage:
    """The storage at the URL of a database, in Optuna's form; for None, a storage in memory.

    Raises:
        UserError: the storage cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        return InMemoryStorage() if storage is None else RDBStorage(storage)
    except ImportError:
        raise UserError(
            f"the storage of the study needs a driver of its database that is not installed ({_scheme(storage)}); for "
            "PostgreSQL: pip install 'psycopg[binary]', and a URL that begins with postgresql+psycopg://"
        ) from None
    except Exception as error:  # the database's driver may raise anything
        raise UserError(
            f"the storage of the study ({_scheme(storage)}) cannot be opened: {type(error).__name__}"
        ) from None


def _scheme(storage: str | None) -> str:
    """The scheme of a database's URL; the rest may hold a password and must not be shown."""
    scheme, is_url, _ = (storage or "").partition("://")
    return scheme if is_url else "no URL"

"""Errors of the user's world as Dagster shows them: the sentence, once, and no retry where trying again changes
nothing."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import dagster as dg

from storage.remote_errors import Unreachable, remote_errors
from storage.unwritable import Unwritable

P = ParamSpec("P")
R = TypeVar("R")


def fail_without_retry(body: Callable[P, R]) -> Callable[P, R]:
    """Turns what a user can mend (a ValueError, a missing file, a full disk) into a failure that is not retried.

    An object store that cannot be reached is tried again. Other errors pass.
    """

    @functools.wraps(body)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with remote_errors():
                return body(*args, **kwargs)
        except (ValueError, FileNotFoundError, PermissionError, Unwritable, Unreachable) as error:
            may_pass = isinstance(error, Unreachable) and error.may_pass
            raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=may_pass) from error

    return told

"""Errors of the user's world as Dagster shows them: the sentence, once, and no retry, since trying again changes
nothing."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import dagster as dg

from storage.folder import Unwritable

P = ParamSpec("P")
R = TypeVar("R")


def fail_without_retry(body: Callable[P, R]) -> Callable[P, R]:
    """Turns what a user can mend (a ValueError, a missing file, a full disk) into a failure that is not retried.

    Other errors pass.
    """

    @functools.wraps(body)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except (ValueError, FileNotFoundError, Unwritable) as error:
            raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error

    return told

"""Errors of an object store and of the way to it, as sentences: its client's own are of no common kind."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

_CLIENTS = ("botocore", "aiobotocore", "s3fs")
_TRANSPORT = "aiohttp"
"""Through which the clients speak, and other libraries with other hosts."""
_MAY_PASS = ("Connect", "Connection", "Timeout", "Endpoint", "Incomplete", "Server", "Payload")
_BUSY = ("SlowDown", "Throttl", "TooManyRequests", "LimitExceeded", "Unavailable", "InternalError", "RequestTimeout")
"""What the code of a refusal holds where the store is busy; the status is 429 or 5xx, if it has one."""
REMEDY = (
    "see that the addresses s3://… of GLASSHOUSE_HOME, GLASSHOUSE_REGISTRY and the cards are right, and set "
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), AWS_ENDPOINT_URL and AWS_DEFAULT_REGION as for any "
    "client of S3"
)


class Unreachable(OSError):
    """An object store does not answer, or not to us. Mend its address or the credentials, and run again."""

    def __init__(self, sentence: str, *, may_pass: bool) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass
        """Whether waiting may help."""


@contextmanager
def remote_errors() -> Iterator[None]:
    """Turns what an object store's client raises, or Python's own OSError from it, into an error of the user's world.

    Raises:
        Unreachable: In its place. A file that is not there stays a FileNotFoundError, unless its bucket is gone; and an
            error that has a sentence of its own keeps it, whatever led to it.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, FileNotFoundError) and _code(_of_client(error)) != "NoSuchBucket":
            raise
        plain = isinstance(error, OSError) and type(error).__module__ == "builtins"
        origin = _of_client(error) if plain or _is_of_client(error) else None
        if origin is None:
            raise
        raise Unreachable(
            f"the object store cannot be used ({type(origin).__name__}: {origin}): {REMEDY}",
            may_pass=_may_pass(origin),
        ) from error


def _of_client(error: BaseException | None) -> BaseException | None:
    """The first error of a client among an error and what led to it."""
    while error is not None:
        if _is_of_client(error):
            return error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None


def _is_of_client(error: BaseException) -> bool:
    package = _package(type(error).__module__)
    if package != _TRANSPORT:
        return package in _CLIENTS
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(_package(frame.f_globals.get("__name__", "")) in _CLIENTS for frame in frames)


def _package(module: str) -> str:
    return module.split(".")[0]


def _may_pass(error: BaseException) -> bool:
    """Whether the store was not reached, or was reached and is busy."""
    response, code = getattr(error, "response", None), str(_code(error))
    if not isinstance(response, dict):
        return any(part in type(error).__name__ for part in _MAY_PASS)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    status = int(status or (code if code.isdecimal() else 0))
    return status == 429 or status >= 500 or any(part in code for part in _BUSY)


def _code(error: BaseException | None) -> str | None:
    """What the store calls its refusal; None where it said nothing."""
    response = getattr(error, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None

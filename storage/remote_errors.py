"""Errors of an object store and of the way to it, as sentences: its client's own are of no common kind."""

from collections.abc import Iterator
from contextlib import contextmanager

_CLIENTS = ("botocore", "aiobotocore", "aiohttp", "s3fs")
_MAY_PASS = ("Connect", "Connection", "Timeout", "Endpoint", "Incomplete", "Server")
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
    """Turns what an object store's client raises into an error of the user's world.

    Raises:
        Unreachable: In its place. A file that is not there stays a FileNotFoundError.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        origin = _of_client(error)
        if origin is None or isinstance(error, Unreachable):
            raise
        name = type(origin).__name__
        raise Unreachable(
            f"the object store cannot be used ({name}: {origin}): {REMEDY}",
            may_pass=any(part in name for part in _MAY_PASS),
        ) from error


def _of_client(error: BaseException | None) -> BaseException | None:
    """The first error of a client among an error and what led to it."""
    while error is not None:
        if type(error).__module__.split(".")[0] in _CLIENTS:
            return error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None

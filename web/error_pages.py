"""The sentences where there is no page: unknown addresses, unreadable warehouses, and mistakes of ours."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from web.formatting import visible_text
from web.panel_templates import environment


class NotFound(HTTPException):
    """An address that leads nowhere; `suggestions` are (text, address) of what may have been meant."""

    def __init__(self, detail: str, suggestions: list[tuple[str, str]]) -> None:
        super().__init__(404, detail)
        self.suggestions = suggestions


def not_found(request: Request, error: Exception) -> Response:
    """The page of an error that HTTP has a number for."""
    assert isinstance(error, HTTPException)
    if isinstance(error, NotFound):
        return _problem(404, error.detail, error.suggestions)
    sentence = f"there is nothing at {visible_text(request.url.path)}" if error.status_code == 404 else error.detail
    return _problem(error.status_code, sentence, [])


def unreadable(request: Request, error: Exception) -> Response:
    """The page of a warehouse that is missing, broken or of another schema."""
    return _problem(503, str(error), [])


def broken(request: Request, error: Exception) -> Response:
    """The page of a mistake of ours; the traceback goes to the log, not to the reader."""
    return _problem(500, f"this page could not be made ({type(error).__name__}): the server's log has the reason", [])


def _problem(status: int, sentence: str, suggestions: list[tuple[str, str]]) -> Response:
    text = environment().get_template("problem.html").render(status=status, sentence=sentence, suggestions=suggestions)
    return HTMLResponse(text, status)

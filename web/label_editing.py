"""A person's label, posted from a feature's page: handed to the editor, and shown again where it is refused."""

import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from web import routes
from web.addressed_rows import find_sae, parse_feature_id
from web.error_pages import problem
from web.label_form import Editing
from web.page_rendering import latest_warehouse
from web.request_body import TooLong, read_form
from web.urls import feature_url, replace_invalid_unicode

MOST_BYTES = 64_000
"""Of a form: a label is far shorter than that, and what is a little too long is given back."""
READ_ONLY = "these pages are read-only: start them with `glasshouse serve --allow-edit` to write labels"


async def write_label(request: Request) -> Response:
    """Writes what was typed and leads back to the feature; what is refused stands in the form again."""
    editing: Editing | None = request.app.state.editing
    if editing is None:
        return problem(403, READ_ONLY)
    try:
        sent = await read_form(request, MOST_BYTES)
    except (ClientDisconnect, TimeoutError):
        return problem(408, "the label did not arrive: send it again")
    except TooLong:
        return problem(413, f"the form is longer than {MOST_BYTES:,} bytes, and a label has a sentence: say it shorter")
    fields = {name: sent.get(name, "") for name in ("token", "seen", "label", "author")}
    if not hmac.compare_digest(fields["token"].encode(), editing.token.encode()):
        return problem(
            403,
            "the form lacks the token of this server: it was sent from elsewhere, or the server was started anew "
            "meanwhile. Nothing was written; go back, copy your text, and open the feature's page again",
        )
    return await run_in_threadpool(_write, request, editing, fields)


def _write(request: Request, editing: Editing, fields: dict[str, str]) -> Response:
    snapshot = latest_warehouse(request).get()
    names = (replace_invalid_unicode(request.path_params[name]) for name in ("model_id", "recipe_id"))
    sae_row = find_sae(snapshot, *names)
    feature_id = parse_feature_id(sae_row, request.path_params["feature_id"])
    sae_id = f"{sae_row.model_id}/{sae_row.recipe_id}"
    try:
        editing.editor.write(sae_id, feature_id, fields["label"], fields["author"], fields["seen"])
    except ValueError as error:
        typed = {"text": fields["label"], "author": fields["author"], "refused": str(error)}
        page = routes.feature_page(request, sae_row, snapshot, feature_id, **typed)
        page.status_code = 409
        return page
    return RedirectResponse(f"{feature_url(sae_row.model_id, sae_row.recipe_id, feature_id)}#your_label", 303)

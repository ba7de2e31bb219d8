"""Features of all dictionaries about something: by label and token, and by meaning."""

from typing import Annotated, Any

from pydantic import Field

from web.api.endpoint import Endpoint, Question, object_schema, row_ref
from web.api.paging import page_envelope, page_schema
from web.api.parameters import Paged
from web.semantic_search import embed_query


class SearchText(Paged):
    """What to look for."""

    text: Annotated[str, Field(min_length=1, max_length=1000, description="Part of a label or of a top token.")]
    meaning: Annotated[
        bool, Field(description="Also look for labels of similar meaning, where an encoder is at hand.")
    ] = False


def _answer(question: Question, asked: SearchText) -> dict[str, Any]:
    values = {"text": asked.text, "per_page": asked.per_page, "skipped": (asked.page - 1) * asked.per_page}
    rows = question.rows("search_page", values)
    counted = rows or (question.rows("search_page", values | {"skipped": 0, "per_page": 1}) if asked.page > 1 else [])
    items = [{name: value for name, value in row.items() if name != "n"} for row in rows]
    similar, refused = [], None
    if asked.meaning:
        meaning, why = embed_query(question.services.embedder, asked.text)
        refused = why or None
        if meaning is not None:
            similar = question.rows("semantic_hits", {"vector": tuple(meaning.vector), "encoder": meaning.encoder})
    page = page_envelope(items, asked, counted[0]["n"] if counted else 0)
    return page | {"similar_in_meaning": similar, "meaning_refused": refused}


_more = object_schema(
    similar_in_meaning={"type": "array", "items": row_ref("semantic_hits")},
    meaning_refused={"type": ["string", "null"], "description": "Why there is nothing similar in meaning."},
)

ENDPOINT = Endpoint(
    title="The features of any dictionary whose label or top tokens contain a text, best matches first.",
    path="/search",
    parameters=SearchText,
    answer=_answer,
    schema={"allOf": [page_schema(row_ref("text_hits")), _more]},
    tool="search_features",
    runs_model=lambda asked: asked.meaning,
)

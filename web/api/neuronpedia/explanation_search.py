"""Search of explanations in Neuronpedia's keys: labels that contain the text, then those of similar meaning."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from web.api.endpoint import Endpoint, Question, object_schema
from web.api.neuronpedia.feature_shape import IMPORTED
from web.api.neuronpedia.schemas import OWN, TEXT, WHOLE, list_of
from web.api.neuronpedia.sources import FAMILY, ForeignParameters
from web.semantic_search import embed_query

PER_PAGE = 20
SearchedText = Annotated[str, Field(min_length=3, max_length=1000)]
Offset = Annotated[int, Field(ge=0, le=10**6)]


def found_explanations(
    question: Question,
    asked: ForeignParameters,
    text: str,
    offset: int,
    model_id: str | None = None,
    sources: Sequence[str] | None = None,
) -> dict[str, Any]:
    """A page of what is found, and the offset of the next."""
    embedder = question.services.embedder
    meaning = embed_query(embedder, text)[0] if embedder is not None else None
    values = {
        "text": text,
        "vector": tuple(meaning.vector) if meaning else None,
        "encoder": meaning.encoder if meaning else None,
        "model_id": model_id,
        "sources": None if sources is None else tuple(sources),
        "most": PER_PAGE + 1,
        "skipped": offset,
    }
    rows = question.rows("explanation_hits", values)
    more = len(rows) > PER_PAGE
    return {
        "request": asked.model_dump(),
        "results": [_result(row) for row in rows[:PER_PAGE]],
        "resultsCount": min(len(rows), PER_PAGE),
        "hasMore": more,
        "nextOffset": offset + PER_PAGE if more else None,
    }


def _result(row: dict[str, Any]) -> dict[str, Any]:
    own = {"modelId": row["model_id"], "layer": row["source"], "index": str(row["feature_id"])}
    return {
        **own,
        "id": row["explanation_id"],
        "description": row["label"],
        "typeName": (row["explainer"] or "").removeprefix(IMPORTED),
        "explanationModelName": row["llm"],
        "cosine_similarity": row["similarity"],
        "neuron": own | {"frac_nonzero": row["density"], "maxActApprox": row["max_activation"]},
    }


def search_endpoint(title: str, path: str, parameters: type[ForeignParameters], answer: Any) -> Endpoint:
    """An endpoint that searches explanations."""
    return Endpoint(
        title=title,
        path=path,
        parameters=parameters,
        answer=answer,
        schema=object_schema(
            results=list_of(object_schema(**OWN, description=TEXT)),
            resultsCount=WHOLE,
            hasMore={"type": "boolean"},
            nextOffset={"type": ["integer", "null"]},
        ),
        method="POST",
        family=FAMILY,
    )

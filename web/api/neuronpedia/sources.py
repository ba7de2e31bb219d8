"""Names of dictionaries: Neuronpedia's `{layer}-{set}` is our `{layer}-{recipe_id}`, as `glasshouse export` writes it.

`recipe_id` alone is understood too. A recipe that is itself called `4-x` gives way to the recipe `x` of layer 4; its
own source, such as `2-4-x`, is always its own.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from web.addressed_rows import parse_feature_id
from web.api.endpoint import Question
from web.error_pages import NotFound
from web.formatting import visible_text

FAMILY = "Neuronpedia"
ModelName = Annotated[str, Field(max_length=200, description="model_id.")]
SourceName = Annotated[str, Field(max_length=210, description="{layer}-{recipe_id}, or recipe_id.")]
Index = Annotated[int, Field(ge=0, lt=10**9, description="Number of the feature.")]


class ForeignParameters(BaseModel):
    """Parameters of a client of theirs, which may say more than is asked here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def find_source(question: Question, model_id: str, source: str) -> dict[str, Any]:
    """The row of the dictionary.

    Raises:
        NotFound: If there is none: the sentence names those of the model.
    """
    found = question.rows("source", {"model_id": model_id, "source": source})
    if found:
        return found[0]
    names = [f"{model_id}/{row['source']}" for row in question.rows("sources", {"model_id": model_id})[:5]]
    raise NotFound(
        f"there is no source {visible_text(f'{model_id}/{source}')} in this warehouse", [(name, "") for name in names]
    )


def require_feature(source: dict[str, Any], index: int) -> None:
    """Raises NotFound if the dictionary has no feature of that number."""
    from types import SimpleNamespace

    parse_feature_id(SimpleNamespace(**source), str(index))

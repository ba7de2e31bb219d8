"""Parameters that endpoints share, with their bounds and what they mean."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, create_model

ModelId = Annotated[str, Field(max_length=200, description="Card of the model, as `/api/models` lists it.")]
RecipeId = Annotated[str, Field(max_length=200, description="Card of the recipe, as `/api/saes` lists it.")]
FeatureId = Annotated[int, Field(ge=0, lt=10**9, description="Number of the feature, from 0.")]
ExperimentId = Annotated[str, Field(max_length=200, description="Card of the experiment.")]
PromptId = Annotated[int, Field(ge=0, lt=10**9, description="Place of the prompt in its set, from 0.")]
MOST_PER_PAGE = 500


class Parameters(BaseModel):
    """Parameters of an endpoint; a name that it does not have is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfDictionary(Parameters):
    """A dictionary."""

    model_id: ModelId
    recipe_id: RecipeId


class OfFeature(OfDictionary):
    """A feature."""

    feature_id: FeatureId


class OfGraph(Parameters):
    """An attribution graph."""

    model_id: ModelId
    experiment_id: ExperimentId
    prompt_id: PromptId


class Paged(Parameters):
    """A page of a list."""

    page: Annotated[int, Field(ge=1, le=10**9, description="Which page, from 1.")] = 1
    per_page: Annotated[int, Field(ge=1, le=MOST_PER_PAGE, description="Items on a page.")] = 50


class OfDictionaryPaged(OfDictionary, Paged):
    """A page of what a dictionary has."""


class OfFeaturePaged(OfFeature, Paged):
    """A page of what a feature has."""


_SHARED = {"model_id": ModelId, "recipe_id": RecipeId, "feature_id": FeatureId, "experiment_id": ExperimentId}


def paged_parameters(names: tuple[str, ...]) -> type[Parameters]:
    """Parameters of a list that belongs to what these name.

    Raises:
        ValueError: If one of them is not known here.
    """
    if unknown := sorted(set(names) - _SHARED.keys()):
        raise ValueError(
            f"{', '.join(unknown)} cannot stand in the path of a query that is an endpoint: write {', '.join(_SHARED)}"
        )
    return create_model("PagedParameters", __base__=Paged, **{name: (_SHARED[name], ...) for name in names})  # type: ignore[call-overload]

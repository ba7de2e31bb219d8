"""The judge's ratings of what a steered model writes, as rows of their own and beside the cheap measures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.autointerp.completion_ratings import AspectRating, WrittenText, harmonic_mean, rate_texts
from models.autointerp.llm_client.runner import LLM
from models.experiments.prompt_encoding import EncodedPrompt

PLAIN = "plain"
"""Condition of the ratings of the plain model's own text."""

Row = Mapping[str, Any]
Place = tuple[int, str, float, int]


def rated_completions(
    llm: LLM, completions: Sequence[Row], prompts: Sequence[EncodedPrompt], concepts: Mapping[int, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of `steering_completion` with their ratings, and the rows of `steering_rating`.

    Args:
        llm: Who is asked.
        completions: Rows without ratings.
        prompts: Those of the experiment, for what the model was given.
        concepts: What each feature is about, as the judge is told it.
    """
    texts = _texts(completions, {prompt.prompt_id: _shown(prompt) for prompt in prompts}, concepts)
    ratings = dict(zip(texts, rate_texts(llm, list(texts.values())), strict=True))
    columns = {place: _columns(of_text) for place, of_text in ratings.items()}
    rated = [
        {**row, **columns[_place(row)]}
        | {f"unsteered_{name}": value for name, value in columns[_plain_place(row)].items()}
        for row in completions
    ]
    shared = {"recipe_id": completions[0]["recipe_id"], "llm": llm.name}
    return rated, [shared | row for place, of_text in ratings.items() for row in _rating_rows(place, of_text)]


def _texts(
    completions: Sequence[Row], instructions: Mapping[int, str], concepts: Mapping[int, str]
) -> dict[Place, WrittenText]:
    texts = {}
    for row in completions:
        given = instructions[row["prompt_id"]], concepts[row["feature_id"]]
        texts[_place(row)] = WrittenText(*given, row["completion"])
        texts[_plain_place(row)] = WrittenText(*given, row["unsteered_completion"])
    return texts


def _place(row: Row) -> Place:
    return row["feature_id"], row["condition"], row["strength"], row["prompt_id"]


def _plain_place(row: Row) -> Place:
    return row["feature_id"], PLAIN, 0.0, row["prompt_id"]


def _shown(prompt: EncodedPrompt) -> str:
    """What the model was given: of a contrast pair the text without the property."""
    return prompt.prompt.corrupt or prompt.prompt.text


def _columns(ratings: Sequence[AspectRating]) -> dict[str, float | None]:
    by_aspect = {rating.aspect: rating.rating for rating in ratings}
    return {f"judge_{name}": value for name, value in by_aspect.items()} | {"judge_hmean": harmonic_mean(by_aspect)}


def _rating_rows(place: Place, ratings: Sequence[AspectRating]) -> Iterator[dict[str, Any]]:
    keys = dict(zip(("feature_id", "condition", "strength", "prompt_id"), place, strict=True))
    for rating in ratings:
        last = rating.requests[-1]
        tokens = last.input_tokens + last.cache_write_tokens + last.cache_read_tokens
        yield {
            **keys,
            "aspect": rating.aspect,
            "rating": rating.rating,
            "status": rating.status,
            "reason": rating.reason,
            "error": rating.error,
            "request_key": last.request_key,
            "n_requests": len(rating.requests),
            "input_tokens": tokens,
            "output_tokens": last.output_tokens,
            "cost_usd": sum(request.cost_usd for request in rating.requests),
        }

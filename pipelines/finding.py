"""Features about something: the search of the warehouse, with the meaning of what is looked for where it is known."""

from functools import lru_cache
from pathlib import Path

from pipelines.registry import Registry
from sql.answers import Answer, answer

_QUERY = "select * from find_features($text, $vector::float[]) limit $most"


def found(published: Path, cards: Registry, text: str, most: int) -> Answer:
    """By text always; by meaning too where a recipe names an encoder and labels were embedded with it."""
    return answer(published, _QUERY, {"text": text, "vector": meaning(cards, text), "most": most})


def meaning(cards: Registry, text: str) -> list[float] | None:
    """The text as the recipes' encoder has it; None where no recipe names one. Of several the first is taken."""
    named = [recipe.explanations.encoder for recipe in cards.recipes.values() if recipe.explanations.encoder]
    return _encoder(named[0]).encode([text])[0].tolist() if named else None


@lru_cache(maxsize=1)
def _encoder(source: str):
    from models.autointerp.encoder import Encoder

    return Encoder.load(source)

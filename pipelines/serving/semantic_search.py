"""Features about something: the search of the warehouse, with the meaning of what is looked for where it is known."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from pipelines.registry.registry import Registry
from sql.query_output import QueryResult, answer
from storage.revisions import is_available_offline

if TYPE_CHECKING:
    from models.language_model.sentence_encoder import SentenceEncoder

_QUERY = "select * from find_features($text, $vector::float[], $encoder) limit $most"
_encoder_lock = Lock()


@dataclass(frozen=True, slots=True)
class TextEmbedding:
    """A text as the encoder of that name and version has it."""

    vector: tuple[float, ...]
    source: str
    encoder: str


class TextEmbedder:
    """What texts mean, to pages: nothing is downloaded while somebody waits."""

    def __init__(self, cards: Callable[[], Registry]) -> None:
        self._cards = cards

    def of(self, text: str) -> TextEmbedding:
        """The meaning of a text.

        Raises:
            ValueError: If no recipe names an encoder, or it cannot be read here: the sentence says so.
        """
        named = _named(self._cards())
        if named is None:
            raise ValueError(
                "no recipe names a `sentence_encoder`, so that no label's meaning is known: name one, and run it"
            )
        if not is_available_offline(*named):
            raise ValueError(f"the encoder {named[0]} is not on this machine, and the pages download nothing")
        return _meaning(*named, text)


def search_features(published: Path, cards: Registry, text: str, most: int) -> QueryResult:
    """By text always; by meaning too where a recipe names an encoder and labels were embedded with it."""
    named = _named(cards)
    meant = _meaning(*named, text) if named else None
    vector, encoder = (list(meant.vector), meant.encoder) if meant else (None, None)
    return answer(published, _QUERY, {"text": text, "vector": vector, "encoder": encoder, "most": most})


def _named(cards: Registry) -> tuple[str, str | None] | None:
    """The encoder of the recipes and its revision; of several the first."""
    named = (card.explanations for card in cards.recipes.values())
    return next(((one.sentence_encoder, one.sentence_encoder_revision) for one in named if one.sentence_encoder), None)


def _meaning(source: str, revision: str | None, text: str) -> TextEmbedding:
    with _encoder_lock:
        encoder = _encoder(source, revision)
        return TextEmbedding(tuple(encoder.encode([text])[0].tolist()), source, encoder.identity)


@lru_cache(maxsize=1)
def _encoder(source: str, revision: str | None) -> "SentenceEncoder":
    from models.language_model.sentence_encoder import SentenceEncoder

    return SentenceEncoder.load(source, revision)

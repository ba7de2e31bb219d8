"""What a text means, as a vector: asked of whoever has the encoder that labels were embedded by.

The pages know no encoder. Whoever starts them hands in an embedder, or none; what cannot be read is a ValueError whose
sentence the page shows.
"""

from typing import Protocol


class Meaning(Protocol):
    """A text as an encoder has it."""

    @property
    def vector(self) -> tuple[float, ...]: ...

    @property
    def source(self) -> str:
        """The encoder as a person knows it."""
        ...

    @property
    def encoder(self) -> str:
        """The encoder as `label_embedding` names it."""
        ...


class TextEmbedderProtocol(Protocol):
    """Runs the encoder."""

    def of(self, text: str) -> Meaning:
        """The meaning of a text.

        Raises:
            ValueError: If there is no encoder, or it cannot be run here: the sentence says why.
        """
        ...


def embed_query(embedder: TextEmbedderProtocol | None, text: str) -> tuple[Meaning | None, str]:
    """The meaning of a text, or else why there is none."""
    if embedder is None:
        return None, "these pages were started without an encoder: start them with `glasshouse serve`"
    try:
        return embedder.of(text), ""
    except (ValueError, OSError) as error:
        return None, str(error)

"""How long a context may be, which tokens a model knows and how deep it is, said before anything is read or run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.language_model.loading import UnusableModel, open_model_files, read_config

_POSITIONS = ("max_position_embeddings", "max_seq_len", "max_sequence_length", "seq_length", "n_ctx")


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """What a checkpoint's config says of its inputs and its depth."""

    source: str
    n_positions: int | None
    """Positions that the model was made for; None if it has no such limit."""
    n_embeddings: int
    """Rows of the token embedding."""
    n_layers: int | None = None
    """Blocks; None where the config has another name for them."""

    @classmethod
    def of(cls, source: str, config: Any) -> "ModelLimits":
        text = config.get_text_config()
        positions = next((n for name in _POSITIONS if (n := getattr(text, name, None))), None)
        if positions is not None:
            positions = int(positions * _stretched(text)) - _padded(text)
        return cls(source, positions, text.vocab_size, getattr(text, "num_hidden_layers", None))

    @classmethod
    def read(cls, source: str, revision: str | None = None, *, cache: Path | None = None) -> "ModelLimits":
        """The limits of a model, whose weights are not fetched."""
        with open_model_files(source, revision, weights=False, cache=cache) as files:
            return cls.of(source, read_config(files))

    def check(self, context_length: int, tokenizer: Any) -> None:
        """Compares what a card asks for, and the tokenizer's words, with the limits.

        Raises:
            UnusableModel: If contexts are too long or the tokenizer has words that the model has no row for. Special
                tokens beyond the last row, such as a padding token that was added, are allowed, for no text makes them.
        """
        if self.n_positions is not None and context_length > self.n_positions:
            raise UnusableModel(
                f"context_length is {context_length:,} and {self.source} has {self.n_positions:,} positions: lower "
                "corpus.context_length in the model card"
            )
        special = set(tokenizer.all_special_ids)
        beyond = [i for i in range(self.n_embeddings, len(tokenizer)) if i not in special]
        if beyond:
            raise UnusableModel(
                f"the tokenizer of {self.source} has {len(tokenizer):,} tokens and the model {self.n_embeddings:,} "
                f"rows of embedding, none for {tokenizer.convert_ids_to_tokens(beyond[0])!r}: they are of different "
                "models; save the tokenizer that the model was trained with"
            )


def _stretched(config: Any) -> float:
    """How many times its positions a model may read, by a scaling of its rotary embedding that is set on top of
    them."""
    scaling = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    original = scaling.get("original_max_position_embeddings")
    if original and original < config.max_position_embeddings:
        return 1.0
    return max(1.0, float(scaling.get("factor") or 1.0))


def _padded(config: Any) -> int:
    """Positions that the RoBERTa family leaves to padding: its embedding counts from the row after the padding's."""
    return config.pad_token_id + 1 if "roberta" in config.model_type or config.model_type in _AS_ROBERTA else 0


_AS_ROBERTA = {"camembert", "xmod", "mpnet", "longformer", "esm", "data2vec-text", "ibert", "luke", "layoutlmv3"}

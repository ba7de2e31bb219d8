"""How a dictionary learns, as a recipe says it."""

from typing import Annotated, Literal

from models.bounds import Bounds, TokenCount
from models.config_base import Settings


class TrainingSettings(Settings):
    """How a dictionary learns."""

    tokens: TokenCount = 4_000_000
    """Training tokens, repeated tokens counted."""
    batch_tokens: Annotated[int, Bounds(1, 2**24)] = 4096
    """Tokens per step."""
    learning_rate: Literal["auto"] | Annotated[float, Bounds(1e-9, 1.0)] = "auto"
    """Peak rate of Adam; `auto` follows from the width (see models/training/trainer.py)."""
    seed: Annotated[int, Bounds(0, 2**32 - 1)] = 0
    """Seed of the initial weights and of the order of the tokens."""
    dead_after_tokens: Literal["auto"] | TokenCount = "auto"
    """Tokens without activation after which a feature counts as dead, and is revived by the AuxK loss. `auto`: 16 times
    the mean interval between the feature's own firings, at least 64 n_features / k, in which a feature of mean density
    fires 64 times, at most 5 % of the run and 10 M."""
    aux_coefficient: Annotated[float, Bounds(0, 1_000)] = 1 / 32
    """Weight of the AuxK loss that revives dead features."""
    checkpoint_tokens: TokenCount = 1_000_000
    """Tokens between checkpoints."""
    encoder_matmul_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the encoder's product in training; weights stay float32. `auto`: bfloat16 where the device
    multiplies it natively."""

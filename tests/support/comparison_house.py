"""Further models for a store whose experiments compare two."""

from pathlib import Path

import torch
from experiment_house import write_card
from tiny_models import save_tiny
from transformers import AutoModelForCausalLM


def add_model(root: Path, name: str, kind: str, noise: float = 0.0) -> None:
    """A model `name` with a card; `noise`: how far its weights are from those of the house's own of that kind."""
    folder = save_tiny(kind, root / f"weights-{name}")
    if noise:
        model, chance = AutoModelForCausalLM.from_pretrained(folder), torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weights in model.parameters():
                weights.add_(noise * torch.randn(weights.shape, generator=chance))
        model.save_pretrained(folder)
    write_card(root, f"models/{name}", {"source": str(folder), "corpus": {"source": "stdlib"}, "recipes": ["mid"]})

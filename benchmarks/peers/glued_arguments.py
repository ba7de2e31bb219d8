"""What every script of the glued peers is told: MODEL TOKENS FOLDER OPTIONS."""

import json
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor


def arguments() -> tuple[Path, Tensor, Path, dict[str, Any]]:
    """Folder of the model, token ids [contexts, positions], folder of the chain, settings."""
    model, tokens, work, options = sys.argv[1:]
    return Path(model), load_file(tokens)["token_ids"].long(), Path(work), json.loads(options)

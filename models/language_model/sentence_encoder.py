"""A sentence encoder on this machine: texts as vectors that point alike where the texts mean alike.

Axes: N texts, B of them in a batch, P positions, D width.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.device import default_device
from models.language_model.loading import ModelFiles, UnusableModel, load_model, open_model_files, read_tokenizer

LONGEST = 256
"""Tokens of a text that are read; encoders are trained on no more, labels and windows are far shorter."""
BATCH_TOKENS = 2**14
"""Tokens that are read at once, padding included."""
_POOLING = Path("1_Pooling") / "config.json"


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """The last layer's vector of a text, of length 1: the mean over its tokens, or that of its first token.

    E5, GTE, MiniLM and MPNet encoders were trained with the mean, BGE and Arctic with the first token. No instruction
    is put before a text.
    """

    model: Any
    tokenizer: Any
    source: str
    identity: str
    """Commit on the hub, or fingerprint of the folder's content (`storage.revisions`)."""
    pooling: str = "mean"

    @classmethod
    def load(
        cls,
        source: str,
        revision: str | None = None,
        dtype: str = "float32",
        device: str | torch.device | None = None,
        *,
        cache: Path | None = None,
    ) -> "SentenceEncoder":
        """Loads what `HookedModel.load` would, under the same conditions, without its head.

        Args:
            source: Hub repository, local folder, or URL of one.
            revision: Branch, tag or commit on the hub; None for a folder.
            dtype: What the model computes in; the vectors are float32.
            device: Where it runs; None takes a GPU if there is one.
            cache: Where a model from a URL is kept; a temporary folder if None.

        Raises:
            UnusableModel: If weights or tokenizer are missing, damaged or pickled, or it pools in another way.
            UnknownArchitecture: If transformers does not know it.
        """
        with open_model_files(source, revision, cache=cache) as files:
            pooling = _pooling(files)
            model, _ = load_model(files, dtype)
            tokenizer, identity = read_tokenizer(files), files.revision
        return cls(model.base_model.to(device or default_device()), tokenizer, source, identity, pooling)

    @property
    def width(self) -> int:
        return self.model.config.hidden_size

    @property
    def _longest(self) -> int:
        """RoBERTa counts positions from 2, so that two of them are lost."""
        return min(LONGEST, getattr(self.model.config, "max_position_embeddings", LONGEST + 2) - 2)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Vectors of length 1 (N, D), float32 on the CPU, in the order of the texts."""
        found_ND = torch.zeros(len(texts), self.width)
        if not texts:
            return found_ND
        pad = self.tokenizer.pad_token_id or 0
        tokens = self.tokenizer(list(texts), truncation=True, max_length=self._longest)["input_ids"]
        tokens = [ids or [pad] for ids in tokens]  # a tokenizer that frames nothing has no token for no text
        by_length = sorted(range(len(tokens)), key=lambda i: -len(tokens[i]))
        first = 0
        while first < len(by_length):
            batch = by_length[first : first + max(1, BATCH_TOKENS // len(tokens[by_length[first]]))]
            found_ND[batch] = self._encoded([tokens[i] for i in batch], pad)
            first += len(batch)
        return found_ND

    @torch.no_grad()
    def _encoded(self, tokens: Sequence[Sequence[int]], pad: int) -> Tensor:
        rows, device = [torch.tensor(ids) for ids in tokens], self.model.device
        ids_BP = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad).to(device)
        length_B = torch.tensor([len(ids) for ids in tokens], device=device)
        mask_BP = torch.arange(ids_BP.shape[1], device=device) < length_B[:, None]
        last_BPD = self.model(input_ids=ids_BP, attention_mask=mask_BP.long()).last_hidden_state.float()
        mean_BD = (last_BPD * mask_BP[..., None]).sum(dim=1) / length_B[:, None]
        return torch.nn.functional.normalize(last_BPD[:, 0] if self.pooling == "cls" else mean_BD, dim=1).cpu()


def _pooling(files: ModelFiles) -> str:
    """What a sentence encoder says of its pooling, as sentence-transformers 6 writes it or as earlier ones did."""
    said_in = files.folder / _POOLING
    said = json.loads(said_in.read_bytes()) if said_in.exists() else {"pooling_mode": "mean"}
    before_6 = [
        name.removeprefix("pooling_mode_") for name, on in said.items() if on is True and name != "include_prompt"
    ]
    modes = [said["pooling_mode"]] if "pooling_mode" in said else [re.sub("_tokens?$", "", name) for name in before_6]
    if modes not in (["mean"], ["cls"]):
        raise UnusableModel(
            f"{files.source} pools by {', '.join(map(str, modes)) or 'something else'} ({_POOLING}), but texts are the "
            "mean over their tokens (mean) or the first of them (cls) here: name an encoder that was trained so"
        )
    return modes[0]

"""A Hugging Face model whose sites can be read and edited; nothing else is changed.

Plain torch forward hooks on the model itself: what is read is bit for bit what the plain model computes.

B rows of a batch, P positions, D width of a site, V vocabulary.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.language_model.hooks import add_hook
from models.language_model.loading import load_model, load_tokenizer, open_model_files, read_tokenizer
from models.language_model.module_map import ModuleMap
from models.language_model.self_test import check_and_measure_widths
from models.language_model.sites import Site
from models.language_model.unembedding import Unembedding, unembedding

__all__ = ["HookedModel", "load_tokenizer"]

Edit = Callable[[Tensor], Tensor]


class _Stopped(Exception):
    """Ends a forward pass whose remainder nobody reads; never leaves `HookedModel.run`."""


@dataclass(eq=False)
class _Reading:
    """What one `reading` wants, and what of it the pass under way has brought."""

    sites: tuple[Site, ...]
    stop: bool
    found: dict[Site, Tensor] = field(default_factory=dict)

    @property
    def content(self) -> bool:
        return self.stop and len(self.found) == len(self.sites)


@dataclass(eq=False, repr=False)
class HookedModel:
    """A language model with addresses. One forward pass at a time: hooks belong to the model, not to a call.

    The weights are frozen, so that nothing is recorded for gradients unless an edit brings in a tensor that wants one.

    In an encoder that norms the stream itself after each sublayer (BERT), `resid_mid` and `resid_post` are what the
    next module reads, after that norm; `attn_out` and `mlp_out` are what was added before it.
    """

    model: Any
    """The transformers model itself, for `generate` and everything else; hooks act there too."""
    tokenizer: Any
    architecture_map: ModuleMap
    is_causal: bool
    source: str
    revision: str
    """Commit on the hub, or fingerprint of the folder's content (`storage.revisions`)."""
    weights_sha256: str
    """Hash of the safetensors files' content in the order of their names."""
    widths: Mapping[Site, int] = field(default_factory=dict)
    _readings: list[_Reading] = field(default_factory=list)
    _running: bool = False

    @classmethod
    def load(
        cls,
        source: str,
        revision: str | None = None,
        dtype: str = "float32",
        device: str | torch.device | None = None,
        *,
        cache: Path | None = None,
    ) -> "HookedModel":
        """Loads a causal language model or an encoder and proves its map on four tokens.

        Args:
            source: Hub repository, local folder, or s3:// address of one.
            revision: Branch, tag or commit on the hub; None for a folder.
            dtype: What the model computes in: float32, bfloat16 or float16.
            device: Where it runs; None takes a GPU if there is one.
            cache: Where a model from S3 is kept; a temporary folder if None.

        Raises:
            UnusableModel: If weights or tokenizer are missing, damaged or pickled.
            UnknownArchitecture: If no family's map fits, in its names or in its arithmetic.
        """
        with open_model_files(source, revision, cache=cache) as files:
            model, causal = load_model(files, dtype)
            tokenizer, sha256, found = read_tokenizer(files), files.weights_sha256(), files.revision
        model.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        host = cls(model, tokenizer, ModuleMap.of(model), causal, source, found, sha256)
        host.widths = check_and_measure_widths(host)
        return host

    @property
    def architecture(self) -> str:
        """Name of the transformers class."""
        return self.architecture_map.name

    @property
    def n_layers(self) -> int:
        return len(self.architecture_map.blocks)

    @property
    def d_model(self) -> int:
        return self.width(Site("resid_post", 0))

    @property
    def vocab_size(self) -> int:
        """Rows of the token embedding; a tokenizer may use fewer."""
        return self.architecture_map.embedding.weight.shape[0]

    @property
    def n_parameters(self) -> int:
        """Numbers in the weights; tied ones count once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def device(self) -> torch.device:
        """Where token ids go in; blocks may lie elsewhere."""
        return self.architecture_map.embedding.weight.device

    @property
    def sites(self) -> list[Site]:
        """Every site that the model has."""
        return self.architecture_map.sites

    def width(self, site: Site) -> int:
        """Numbers per token at a site."""
        self.architecture_map.at(site)
        return self.widths[site.resolve(self.n_layers)]

    @contextmanager
    def reading(self, sites: Iterable[Site], stop: bool = True) -> Iterator[Mapping[Site, Tensor]]:
        """Reads sites in the forward passes within the block, each as (B, P, width) in the model's dtype.

        The mapping holds the latest pass, under the sites as they were asked for, and stays filled after the block.
        Where a site is also edited, the edited value is read, whichever of the two began first. Nothing is copied or
        detached.

        Args:
            sites: Where to read.
            stop: Whether `run` ends as soon as every site of every open reading has been reached: later blocks then
                cost nothing, and there are no logits. Other ways to run the model, such as `generate`, are not stopped.
        """
        reading = _Reading(tuple(dict.fromkeys(sites)), stop)
        with ExitStack() as hooks:
            for site in reading.sites:
                hooks.callback(add_hook(*self.architecture_map.at(site), self._keeping(reading, site)).remove)
            self._readings.append(reading)
            hooks.callback(self._readings.remove, reading)
            yield reading.found

    def _keeping(self, reading: _Reading, site: Site) -> Callable[[Tensor], None]:
        def keep(x_BPD: Tensor) -> None:
            reading.found[site] = x_BPD
            if self._running and all(each.content for each in self._readings):
                raise _Stopped

        return keep

    @contextmanager
    def editing(self, site: Site, edit: Edit) -> Iterator[None]:
        """Puts `edit(x_BPD)` in the place of a site's value in `run`, `generate` and every other pass within the block.

        The edit is given a copy, may write into it, and returns the same shape; dtype and device are made to fit. In
        `generate` with a cache it sees the whole prompt once and then one position at a time. Of edits of one site the
        inner one comes first. An edit of `mlp_in` reaches the MLP only, one of `resid_mid` the residual stream too.
        """
        handle = add_hook(*self.architecture_map.at(site), _editor(site, edit), first=True)
        try:
            yield
        finally:
            handle.remove()

    def run(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Tensor | None:
        """Runs the model once.

        Args:
            token_ids_BP: Token ids, padded at the right where rows differ in length.
            attention_mask: 1 or True where there is a token (B, P); None where there is no padding.

        Returns:
            Logits (B, P, V); None if a reading ended the pass, or the model has no language-model head.
        """
        for reading in self._readings:
            reading.found.clear()
        # Given even where nothing is padded: transformers warns of a missing mask, and treats a full one as none.
        mask = torch.ones_like(token_ids_BP) if attention_mask is None else attention_mask
        options = {"use_cache": False} if self.is_causal else {}
        self._running = True
        try:
            output = self.model(input_ids=token_ids_BP.to(self.device), attention_mask=mask.to(self.device), **options)
        except _Stopped:
            return None
        finally:
            self._running = False
        return getattr(output, "logits", None)

    def unembedding(self) -> Unembedding | None:
        """How a direction of the final stream reaches the logits; None for an encoder, which predicts no next token."""
        norm, head = self.architecture_map.final_norm, self.model.get_output_embeddings()
        return unembedding(norm, head) if self.is_causal and norm is not None and head is not None else None


def _editor(site: Site, edit: Edit) -> Callable[[Tensor], Tensor]:
    def replace(x_BPD: Tensor) -> Tensor:
        new_BPD = edit(x_BPD.clone())
        if new_BPD.shape != x_BPD.shape:
            raise ValueError(
                f"the edit of {site} was given {tuple(x_BPD.shape)} and returned {tuple(new_BPD.shape)}: "
                "return the same shape"
            )
        return new_BPD.to(x_BPD)

    return replace

"""A Hugging Face model whose sites can be read and edited; nothing else is changed.

Plain torch forward hooks on the model itself: what is read is bit for bit what the plain model computes.

B rows of a batch, P positions, D width of a site, V vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.language_model.attention_interface import ATTENTION_KINDS, attention_hooks
from models.language_model.attention_sites import AttentionSites, proven_attention_sites
from models.language_model.block_arithmetic import map_by_arithmetic
from models.language_model.error_origin import is_of_own_code
from models.language_model.forward_pass import PassTracker, Tokens
from models.language_model.hooked_sites import HookedSites
from models.language_model.hooks import HookFunction, add_hook, unflattened
from models.language_model.loading import load_model, load_tokenizer, open_model_files, read_tokenizer
from models.language_model.module_map import ModuleMap, UnknownArchitecture
from models.language_model.self_test import check_and_measure_widths, probe_tokens
from models.language_model.site_edit import Edit
from models.language_model.sites import Site
from models.language_model.unembedding import Unembedding, unembedding

__all__ = ["HookedModel", "load_tokenizer"]


@dataclass(eq=False, repr=False)
class HookedModel(HookedSites):
    """A language model with addresses. One pass at a time: captures and edits belong to the model, not to a call.

    The weights are frozen, so that nothing is recorded for gradients unless an edit brings in a tensor that wants one.

    In an encoder that norms the stream itself after each sublayer (BERT), `resid_mid` and `resid_post` are what the
    next module reads, after that norm; `attn_out` and `mlp_out` are what was added before it.
    """

    model: Any
    """The transformers model itself, for `generate` and everything else; hooks act there too."""
    tokenizer: Any
    is_causal: bool
    source: str
    revision: str
    """Commit on the hub, or fingerprint of the folder's content (`storage.revisions`)."""
    weights_sha256: str
    """Hash of the safetensors files' content in the order of their names."""
    module_map: ModuleMap = field(init=False)
    passes: PassTracker = field(init=False)
    widths: Mapping[Site, int] = field(default_factory=dict)
    _attention: AttentionSites | None = None

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
        host = cls(model, tokenizer, causal, source, found, sha256)
        host.prove()
        return host

    def __post_init__(self) -> None:
        self.passes = PassTracker(type(self.model).__name__)

    def prove(self) -> None:
        """Finds the map, by the names of a family or else by the arithmetic of the blocks, and holds the model to it.

        Raises:
            UnknownArchitecture: If neither map passes the self-test, or the model cannot be run on text alone.
        """
        self._attention = None
        try:
            self._find_map()
        except (UnknownArchitecture, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever the model's own code says of a pass without images, or of hooks
            if is_of_own_code(error):
                raise
            raise UnknownArchitecture(
                f"{type(self.model).__name__} does not run on text alone with hooks on it ({type(error).__name__}: "
                f"{error}): name another model in the card"
            ) from error

    def _find_map(self) -> None:
        try:
            self.module_map = ModuleMap.of(self.model)
            self.widths = check_and_measure_widths(self)
        except UnknownArchitecture:
            if not self.is_causal:
                raise
            self.module_map = map_by_arithmetic(self.model, probe_tokens(self.model, self.tokenizer))
            self.widths = check_and_measure_widths(self)

    @property
    def architecture(self) -> str:
        """Name of the transformers class."""
        return self.module_map.name

    @property
    def n_layers(self) -> int:
        return len(self.module_map.blocks)

    @property
    def d_model(self) -> int:
        return self.width(Site("resid_post", 0))

    @property
    def vocab_size(self) -> int:
        """Rows of the token embedding; a tokenizer may use fewer."""
        return self.module_map.embedding.weight.shape[0]

    @property
    def n_parameters(self) -> int:
        """Numbers in the weights; tied ones count once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def device(self) -> torch.device:
        """Where token ids go in; blocks may lie elsewhere."""
        return self.module_map.embedding.weight.device

    @property
    def sites(self) -> list[Site]:
        """Every site at the entry or exit of a module; `attention_sites` are beside them."""
        return self.module_map.sites

    @property
    def attention_sites(self) -> list[Site]:
        """q, k, v, z and attn_pattern of every block, where the model's code lets its attention be replaced.

        Proven by two short passes when first asked for, which torch hooks of your own see too. While one of the sites
        is open the model computes attention by its eager function, which differs from a fused one by rounding.
        """
        return list(self._proven_attention().sites)

    def _proven_attention(self) -> AttentionSites:
        if self._attention is None:
            self._attention = proven_attention_sites(self)
        return self._attention

    def width(self, site: Site) -> int:
        """Numbers per token at a site."""
        resolved, widths = site.resolve(self.n_layers), self.widths
        if site.kind in ATTENTION_KINDS:
            widths = self._proven_attention().of(site, self.module_map).widths
        else:
            self.module_map.at(site)
        if resolved not in widths:
            raise ValueError(f"{self.architecture} has no {site} with one vector a token")
        return widths[resolved]

    @contextmanager
    def intervene(
        self, edits: Mapping[Site, Edit], positions: Sequence[int] | None = None, tokens: Tokens = "all"
    ) -> Iterator[None]:
        """Puts `edit(x_BPD)` in the place of each site's value in every pass within the block.

        An edit is given a copy, may write into it, and returns the same shape; dtype and device are made to fit. In
        `generate` with a cache it sees the whole prompt once and then one position at a time; `k` and `v` hold all
        positions each time, and `attn_pattern` is (B, heads, P, key positions). Of edits of one site the inner one
        comes first. An edit of `mlp_in` reaches the MLP only, one of `resid_mid` the residual stream too.

        Args:
            edits: What takes the value's place, by site.
            positions: The only positions that are changed, counted from the row's first; a negative one from the
                prompt's end. None for all.
            tokens: Whether what is changed is limited to the prompt or to what `generate` adds to it.
        """
        with self._edited(edits, lambda n: self.passes.current.chosen(n, positions, tokens)):
            yield

    def _see(self, hooks: ExitStack, site: Site, see: HookFunction, *, first: bool = False) -> None:
        def open_to(x: Tensor) -> Tensor | None:
            return None if self.passes.is_undisturbed else see(x)

        hooks.callback(self.model.register_forward_pre_hook(self.passes.begin, with_kwargs=True).remove)
        if site.kind in ATTENTION_KINDS:
            block = self.module_map.blocks[self.module_map.layer_of(site)]
            self._proven_attention().of(site, self.module_map)
            hooks.enter_context(attention_hooks(self.model, block, site.kind, open_to, first=first))
        else:
            module, point = self.module_map.at(site)
            shown = unflattened(open_to, lambda: self.passes.current.n_rows) if point.flat else open_to
            hooks.callback(add_hook(module, point, shown, first=first).remove)

    def generate(self, token_ids_BP: Tensor, **options: Any) -> Tensor:
        """`model.generate`, in which edits know what of it is the prompt, with a cache and without."""
        options = {"attention_mask": torch.ones_like(token_ids_BP)} | options
        n_rows, n_prompt = token_ids_BP.shape
        with self.passes.generation(n_rows, n_prompt):
            return self.model.generate(token_ids_BP.to(self.device), **options)

    def forward(self, token_ids_BP: Tensor, attention_mask: Tensor | None = None) -> Tensor | None:
        """Runs the model once.

        Args:
            token_ids_BP: Token ids, padded at the right where rows differ in length.
            attention_mask: 1 or True where there is a token (B, P); None where there is no padding.

        Returns:
            Logits (B, P, V); None if a capture ended the pass, or the model has no language-model head.

        Raises:
            RuntimeError: If another pass is under way: captures and edits belong to the model, not to a call.
        """
        # Given even where nothing is padded: transformers warns of a missing mask, and treats a full one as none.
        mask = torch.ones_like(token_ids_BP) if attention_mask is None else attention_mask
        options = {"use_cache": False} if self.is_causal else {}
        with self.passes.one_at_a_time():
            ids, mask = token_ids_BP.to(self.device), mask.to(self.device)
            return self._logits(lambda: self.model(input_ids=ids, attention_mask=mask, **options))

    def unembedding(self) -> Unembedding | None:
        """How a direction of the final stream reaches the logits; None for an encoder, which predicts no next token."""
        norm, head = self.module_map.final_norm, self.model.get_output_embeddings()
        return unembedding(norm, head) if self.is_causal and norm is not None and head is not None else None

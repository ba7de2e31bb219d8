"""The induction circuit of a two-layer attention-only model (Elhage et al. 2021): its graph shows it, ablation agrees.

B is the token that followed the last A before. The graph's strongest edge into B's logit comes from that B; the heads
of block 1 attend to it because of the A before it, which the previous-token head of block 0 brought there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.attribution.graphs.attended_position import attended_position
from models.attribution.graphs.attribution_graph import GraphLimits, graph_of
from models.attribution.graphs.transcoded_prompt import ModelTranscoders
from models.dictionaries.architectures.standard import StandardSAE
from models.dictionaries.transcoder_set import PerLayerTranscoders
from models.language_model.hooked_model import HookedModel
from models.language_model.site_edit import Edit
from models.language_model.sites import Site

FOLDER = Path(__file__).resolve().parents[5] / "shared/data/models/induction-2l-infinite"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"no two-layer induction model in {FOLDER}")
PREVIOUS, INDUCTION = (0, 2), ((1, 1), (1, 2), (1, 3))


@dataclass(frozen=True)
class Repeated:
    """Random tokens said twice and half of a third time."""

    token_ids: tuple[int, ...]
    answer: int
    behind_the_same: tuple[int, ...]
    """Positions behind earlier occurrences of the last token."""


@pytest.fixture(scope="module")
def host() -> HookedModel:
    """In float64: the conversion left constant dimensions of ten thousands."""
    loaded = HookedModel.load(str(FOLDER), device="cpu")
    loaded.model.double()
    loaded.prove()
    return loaded


@pytest.fixture(scope="module")
def sequences(host: HookedModel) -> list[Repeated]:
    """Those of twelve that the model goes on with: there is a circuit of what it does only."""
    chance, made = torch.Generator().manual_seed(0), list[Repeated]()
    for period in range(13, 25):
        piece = torch.randperm(120, generator=chance)[:period].tolist()
        ids = (piece * 3)[: 2 * period + period // 2]
        behind = tuple(at for at in range(1, len(ids)) if ids[at - 1] == ids[-1])
        made.append(Repeated(tuple(ids), (piece * 3)[len(ids)], behind))
    with torch.no_grad():
        likeliest = [int(host.model(input_ids=torch.tensor([each.token_ids])).logits[0, -1].argmax()) for each in made]
    answered = [each for each, token in zip(made, likeliest, strict=True) if token == each.answer]
    assert len(answered) >= 6, f"the model answers {len(answered)} of {len(made)}"
    return answered


@pytest.fixture(scope="module")
def silent(host: HookedModel) -> ModelTranscoders:
    """The MLPs of the model are zero, and so are these."""
    by_layer = {}
    for layer, block in enumerate(host.module_map.blocks):
        names = {"W_enc": "c_fc.weight", "b_enc": "c_fc.bias", "W_dec": "c_proj.weight", "b_dec": "c_proj.bias"}
        tensors = {name: block.get_parameter(f"mlp.{path}").detach().float() for name, path in names.items()}
        assert not any(tensor.any() for tensor in tensors.values())
        by_layer[layer] = StandardSAE(tensors, {"crosses": True})
    return ModelTranscoders(PerLayerTranscoders(by_layer), {layer: Site("mlp_in", layer) for layer in by_layer})


def test_the_graph_names_the_token_that_followed_before(
    host: HookedModel, silent: ModelTranscoders, sequences: list[Repeated]
) -> None:
    for each in sequences:
        _, graph = graph_of(host, silent, each.token_ids, 0, GraphLimits(logit_mass=0.99999, max_logits=128))
        [row] = graph.logits.start + np.flatnonzero(graph.nodes.token_N[graph.logits] == each.answer)
        into_T = graph.weights[[row]].toarray()[0][graph.tokens]
        strongest, second = np.argsort(-into_T)[:2]
        assert strongest in each.behind_the_same
        assert second in each.behind_the_same or into_T[strongest] > 2 * into_T[second]


def test_induction_heads_attend_there_for_the_token_before(
    host: HookedModel, silent: ModelTranscoders, sequences: list[Repeated]
) -> None:
    for each in sequences:
        for layer, head in INDUCTION:
            key = max(each.behind_the_same, key=lambda at: pattern(host, each, layer)[head, at])
            found = attended_position(host, silent, each.token_ids, 0, layer, head, len(each.token_ids) - 1, key)
            first = found.sources.n_features + found.sources.n_errors
            by_key_token = found.score.pairs_SS[:, first:-1].sum(0)
            assert int(by_key_token.abs().argmax()) == key - 1
            assert float(by_key_token[key - 1]) == pytest.approx(found.score.total, rel=0.35)


def test_ablations_agree(host: HookedModel, sequences: list[Repeated]) -> None:
    whole, without_previous, without_induction = (
        np.mean([measured(host, each, heads) for each in sequences], axis=0) for heads in ((), (PREVIOUS,), INDUCTION)
    )
    assert whole[0] > 0.2
    assert whole[1] > 2
    assert (without_previous < 0.2 * whole).all(), f"attention and logit {without_previous} of {whole}"
    assert without_induction[0] == pytest.approx(whole[0])
    assert without_induction[1] < 0.1 * whole[1]


def pattern(host: HookedModel, each: Repeated, layer: int) -> Tensor:
    """What the last position takes from all (heads, positions)."""
    with host.capture([Site("attn_pattern", layer)]) as values, torch.no_grad():
        host.forward(torch.tensor([each.token_ids]))
    return values[Site("attn_pattern", layer)][0, :, -1]


@torch.no_grad()
def measured(host: HookedModel, each: Repeated, ablated: tuple[tuple[int, int], ...]) -> tuple[float, float]:
    """What induction heads take from behind the same token, and the answer's logit over the average."""
    site, edits = Site("attn_pattern", 1), dict[Site, Edit]()
    for layer in {layer for layer, _ in ablated}:
        edits[Site("z", layer)] = _without([head for of, head in ablated if of == layer])
    with host.capture([site], stop_early=False) as values, host.intervene(edits):
        logits = host.forward(torch.tensor([each.token_ids]))
    assert logits is not None
    heads, behind = [head for _, head in INDUCTION], list(each.behind_the_same)
    taken = float(values[site][0][heads, -1][:, behind].sum(1).mean())
    return taken, float(logits[0, -1, each.answer] - logits[0, -1].mean())


def _without(heads: list[int]) -> Edit:
    def edit(z_BPE: Tensor) -> Tensor:
        parts = list(z_BPE.clone().chunk(4, dim=-1))
        return torch.cat([0 * part if head in heads else part for head, part in enumerate(parts)], dim=-1)

    return edit

"""Metrics equal closed forms and recomputation by hand; splicing in what was there changes nothing, to the last bit."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from models.corpora.context_sample import held_out
from models.corpora.contexts import TokenizedCorpus, tokenize_into_contexts, write_corpus
from models.corpora.documents import Document, is_held_out
from models.corpora.token_filter import TokenFilter
from models.evaluation.reconstruction import evaluate_reconstruction
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.sparse.codes import SparseCodes
from storage.folder import Folder

LAST = Site("resid_post", 2)
DOCUMENTS = [
    Document(f"d{i}", "def area(width, height): return width * height * items" * (i % 3 + 1)) for i in range(64)
]


def values(rows) -> dict[str, float]:
    return dict(zip(rows.column("metric").to_pylist(), rows.column("value").to_pylist(), strict=True))


class StandIn:
    """A dictionary of three features, two of which fire everywhere, that writes as it is told from what it reads."""

    n_features = 3

    def __init__(self, told: Callable[[torch.Tensor], torch.Tensor], d_in: int = 32) -> None:
        self.told, self.W_dec = told, torch.zeros(3, d_in)

    def encode(self, x_TD: torch.Tensor) -> SparseCodes:
        return SparseCodes(torch.ones(len(x_TD), 2), torch.arange(2).expand(len(x_TD), 2), 3)

    def guess(self, x_TD: torch.Tensor, codes: SparseCodes) -> torch.Tensor:
        return self.told(x_TD)


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def causal(request, tmp_path_factory):
    host = HookedModel.load(str(save_tiny(request.param, tmp_path_factory.mktemp(request.param))))
    contexts = list(tokenize_into_contexts(DOCUMENTS[:12], host.tokenizer, 24, 10**6))
    assert len({len(context.token_ids) for context in contexts}) > 2
    return host, contexts, TokenFilter.of(host.tokenizer)


def activations(host, site, contexts, token_filter) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Each context's activations, one context at a time, and which of them are of text."""
    found = []
    for context in contexts:
        ids = torch.from_numpy(context.token_ids.astype(np.int64))
        with torch.no_grad(), host.capture([site]) as read:
            host.forward(ids[None])
        found.append((read[site][0], torch.tensor([i not in token_filter.special_ids for i in ids.tolist()])))
    return found


@pytest.mark.parametrize("site", ["resid_post.1", "mlp_out.0", "mlp_act.2"])
def test_splicing_in_what_was_there_changes_nothing(causal, site):
    host, contexts, token_filter = causal
    site = Site.parse(site)
    found = values(
        evaluate_reconstruction(host, site, StandIn(lambda x: x.clone(), host.width(site)), contexts, token_filter)
    )
    assert found["ce_with_sae"] == found["ce_clean"]
    assert found["kl"] == 0
    assert found["fvu"] == 0
    assert found["ce_recovered"] == 1
    assert found["l0"] == 2
    assert found["dead_fraction"] == pytest.approx(1 / 3)


def test_splicing_in_the_mean_is_mean_ablation(causal):
    host, contexts, token_filter = causal
    x_TD = torch.cat([x[text] for x, text in activations(host, LAST, contexts, token_filter)])
    mean_D = x_TD.double().mean(dim=0)
    found = values(evaluate_reconstruction(host, LAST, StandIn(lambda x: mean_D.expand_as(x)), contexts, token_filter))
    assert found["ce_with_sae"] == pytest.approx(found["ce_mean_ablated"], rel=1e-6)
    assert found["ce_recovered"] == pytest.approx(0, abs=1e-4)
    assert found["fvu"] == pytest.approx(1, rel=1e-6)
    assert found["kl"] > 0


def test_losses_equal_what_the_last_norm_and_the_head_give_by_hand(causal):
    host, contexts, token_filter = causal
    norm, head = host.module_map.final_norm, host.model.get_output_embeddings()
    pairs = activations(host, LAST, contexts, token_filter)
    mean_D = torch.cat([x[text] for x, text in pairs]).double().mean(dim=0).float()
    sums, n = {"ce_clean": 0.0, "ce_with_sae": 0.0, "ce_mean_ablated": 0.0, "kl": 0.0}, 0
    for (x_PD, text_P), context in zip(pairs, contexts, strict=True):
        replaced = {"ce_clean": x_PD, "ce_with_sae": x_PD.roll(1, dims=1), "ce_mean_ablated": mean_D.expand_as(x_PD)}
        logs = {}
        for name, new_PD in replaced.items():
            with torch.no_grad():
                logs[name] = head(norm(torch.where(text_P[:, None], new_PD, x_PD))).double().log_softmax(-1)
            for position in range(1, len(text_P)):
                if text_P[position]:
                    sums[name] -= logs[name][position - 1, int(context.token_ids[position])].item()
        kept = logs["ce_clean"].exp() * (logs["ce_clean"] - logs["ce_with_sae"])
        sums["kl"] += kept.sum(-1)[:-1][text_P[1:]].sum().item()
        n += int(text_P[1:].sum())
    rows = evaluate_reconstruction(host, LAST, StandIn(lambda x: x.roll(1, dims=1)), contexts, token_filter)
    found = values(rows)
    for name, total in sums.items():
        assert found[name] == pytest.approx(total / n, rel=2e-5), name
    recovered = (sums["ce_mean_ablated"] - sums["ce_with_sae"]) / (sums["ce_mean_ablated"] - sums["ce_clean"])
    assert found["ce_recovered"] == pytest.approx(recovered, rel=1e-3)
    assert {row["n_tokens"] for row in rows.to_pylist() if row["metric"].startswith("ce_")} == {n}


def test_fvu_equals_the_textbook_form(causal):
    host, contexts, token_filter = causal
    x = torch.cat([x[text] for x, text in activations(host, LAST, contexts, token_filter)]).double().numpy()
    rows = evaluate_reconstruction(host, LAST, StandIn(lambda x: x * 0.9 + 0.1), contexts, token_filter)
    wanted = ((x - (x * 0.9 + 0.1)) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert values(rows)["fvu"] == pytest.approx(wanted, rel=1e-6)
    assert next(row["n_tokens"] for row in rows.to_pylist() if row["metric"] == "fvu") == len(x)


def test_fvu_does_not_depend_on_where_the_activations_lie(tmp_path):
    """The shortcut that squares first loses all digits in float32 when the mean is large; distances in float64 keep
    them."""
    host = HookedModel.load(str(save_tiny("gpt2", tmp_path)))
    contexts, token_filter = (
        list(tokenize_into_contexts(DOCUMENTS[:12], host.tokenizer, 24, 10**6)),
        TokenFilter.of(host.tokenizer),
    )
    bias = host.model.transformer.h[2].mlp.c_proj.bias
    for shift in (0.0, 1e3):
        bias.data += shift
        x_TD = torch.cat([x[text] for x, text in activations(host, LAST, contexts, token_filter)]).double()
        wanted = 0.25 * x_TD.numel() / float((x_TD - x_TD.mean(dim=0)).square().sum())
        found = values(evaluate_reconstruction(host, LAST, StandIn(lambda x: x + 0.5), contexts, token_filter))
        assert found["fvu"] == pytest.approx(wanted, rel=1e-4)


def test_batches_do_not_show(causal, monkeypatch):
    host, contexts, token_filter = causal
    whole = values(evaluate_reconstruction(host, LAST, StandIn(lambda x: x.flip(1)), contexts, token_filter))
    monkeypatch.setattr("models.evaluation.reconstruction.BATCH_TOKENS", 48)
    small = values(evaluate_reconstruction(host, LAST, StandIn(lambda x: x.flip(1)), contexts, token_filter))
    assert whole == pytest.approx(small, rel=1e-5)


def test_an_encoder_has_no_cross_entropy(tmp_path):
    host = HookedModel.load(str(save_tiny("bert", tmp_path)))
    contexts = list(tokenize_into_contexts(DOCUMENTS[:6], host.tokenizer, 24, 10**6))
    rows = evaluate_reconstruction(host, LAST, StandIn(lambda x: x * 0.5), contexts, TokenFilter.of(host.tokenizer))
    assert set(values(rows)) == {"l0", "fvu", "dead_fraction", "largest_rows_share"}


def test_only_held_out_documents_are_drawn(tmp_path, causal):
    tokenizer = causal[0].tokenizer
    documents = [Document(f"d{i}", "for name, value in sorted(found.items()): " * 2) for i in range(200)]
    write_corpus(
        Folder(str(tmp_path)),
        tokenize_into_contexts(documents, tokenizer, 16, 10**6),
        {},
        TokenFilter(frozenset({0})),
        source="s",
        context_length=16,
    )
    contexts = TokenizedCorpus.open(Folder(str(tmp_path)))
    drawn = held_out(contexts, 10**6)
    assert {context.document_id for context in drawn} == {
        d.document_id for d in documents if is_held_out(d.document_id)
    }
    few = held_out(contexts, 60)
    assert 0 < len(few) < len(drawn)
    assert [c.context_id for c in few] == sorted({c.context_id for c in few} & {c.context_id for c in drawn})


def test_a_corpus_without_held_out_documents_is_refused(causal):
    host, _, token_filter = causal
    with pytest.raises(ValueError, match="no context of a held-out document was found"):
        evaluate_reconstruction(host, LAST, StandIn(lambda x: x), [], token_filter)


def test_what_is_undefined_has_no_row(causal):
    """Of one row the mean is the row itself: nothing varies, and ablation costs nothing."""
    host, contexts, token_filter = causal
    norms = [x[text].norm(dim=1) for x, text in activations(host, LAST, contexts, token_filter)]
    first = [context for context, norm_T in zip(contexts, norms, strict=True) if norm_T.min() == torch.cat(norms).min()]
    limit = float(torch.cat(norms).min()) * (1 + 1e-6)
    found = values(evaluate_reconstruction(host, LAST, StandIn(lambda x: x), first[:1], token_filter, norm_limit=limit))
    assert set(found) == {"l0", "dead_fraction", "ce_clean", "ce_with_sae", "ce_mean_ablated", "kl"}


def test_tokens_beyond_the_norm_limit_and_skipped_ones_are_neither_measured_nor_replaced(causal):
    host, contexts, token_filter = causal
    skipping = TokenFilter(token_filter.special_ids, replace(token_filter.frame, skip_first=2))
    pairs = activations(host, LAST, contexts, token_filter)
    limit = float(torch.cat([x[text].norm(dim=1) for x, text in pairs]).median())
    norm, head = host.module_map.final_norm, host.model.get_output_embeddings()
    kept, loss, n = [], 0.0, 0
    for (x_PD, text_P), context in zip(pairs, contexts, strict=True):
        wanted_P = text_P & (x_PD.norm(dim=1) <= limit) & (torch.arange(len(x_PD)) >= skipping.frame.first_read)
        kept.append(x_PD[wanted_P])
        with torch.no_grad():
            logs = head(norm(torch.where(wanted_P[:, None], x_PD.roll(1, dims=1), x_PD))).double().log_softmax(-1)
        predicted = text_P[1:].nonzero()[:, 0]
        loss -= float(logs[predicted, torch.from_numpy(context.token_ids[1:].astype(np.int64))[predicted]].sum())
        n += len(predicted)
    x = torch.cat(kept).double()
    rows = evaluate_reconstruction(
        host, LAST, StandIn(lambda x: x.roll(1, dims=1)), contexts, skipping, norm_limit=limit
    )
    found = values(rows)
    fvu = (x - x.roll(1, dims=1)).square().sum() / (x - x.mean(dim=0)).square().sum()
    assert 0 < len(x) < sum(int(text.sum()) for _, text in pairs) * 0.6
    assert found["fvu"] == pytest.approx(float(fvu), rel=1e-5)
    assert found["ce_with_sae"] == pytest.approx(loss / n, rel=2e-5)
    n_of = {row["metric"]: row["n_tokens"] for row in rows.to_pylist()}
    assert (n_of["fvu"], n_of["ce_with_sae"]) == (len(x), n)


def test_the_largest_rows_share_is_that_of_a_full_sort(causal):
    host, contexts, token_filter = causal
    x = torch.cat([x[text] for x, text in activations(host, LAST, contexts, token_filter)]).double()
    squares = (x - x.mean(dim=0)).square().sum(dim=1).sort(descending=True).values
    whole, rest = divmod(0.01 * len(squares), 1)
    wanted = float((squares[: int(whole)].sum() + rest * squares[int(whole)]) / squares.sum())
    found = values(evaluate_reconstruction(host, LAST, StandIn(lambda x: x), contexts, token_filter))
    assert found["largest_rows_share"] == pytest.approx(wanted, rel=1e-5)

"""What is measured on a tiny model: every row has its unit, and numbers known in advance come out."""

import pytest
import torch
from tiny_models import save_tiny

from models.activations.site_reading import capture_sites
from models.corpora.contexts import TokenizedCorpus, tokenize_into_contexts
from models.corpora.corpus_writer import write_corpus
from models.corpora.documents import Document, is_held_out
from models.corpora.token_filter import TokenFilter
from models.evaluation.dictionary_metrics import EvaluationInput, evaluate_dictionary
from models.evaluation.feature_quality import UNITS, evaluate_feature_quality, probe_contexts
from models.features.config import StatisticsSettings
from models.language_model.hooked_model import HookedModel
from models.language_model.sites import Site
from models.language_model.token_strings import TokenStrings
from models.sparse.codes import SparseCodes
from storage.folder import Folder

SITE = Site("resid_post", 1)
TEXT = 'def area(width, height):\n    return width * height * items["found"]\n'


class Doubled:
    """Features are the coordinates of the activation, up and down; it gives back so much of them."""

    def __init__(self, width: int, share: float, crosses: bool = False) -> None:
        self.width, self.share, self.crosses, self.n_features = width, share, crosses, 2 * width
        self.b_dec = torch.zeros(width)
        self.W_dec = share * torch.cat([torch.eye(width), -torch.eye(width)])

    def encode(self, x_TD: torch.Tensor) -> SparseCodes:
        acts_TF = torch.cat([x_TD, -x_TD], dim=1).relu()
        return SparseCodes(acts_TF, torch.arange(self.n_features).expand(acts_TF.shape), self.n_features)

    def guess(self, x_TD: torch.Tensor, codes: SparseCodes) -> torch.Tensor:
        return codes.acts_TK @ self.W_dec


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    host = HookedModel.load(str(save_tiny("llama", tmp_path_factory.mktemp("llama"))))
    folder = Folder(str(tmp_path_factory.mktemp("corpus")))
    documents = [Document(f"d{i}", TEXT * (i % 4 + 1)) for i in range(300)]
    write_corpus(
        folder,
        tokenize_into_contexts(documents, host.tokenizer, 24, 10**6),
        {},
        TokenFilter(frozenset({0, 1, 2})),
        source="s",
        context_length=24,
    )
    return host, TokenizedCorpus.open(folder)


def measured(house, dictionary, tokens=6000, **options) -> dict[str, dict]:
    host, contexts = house
    rows = evaluate_feature_quality(
        host,
        SITE,
        dictionary,
        *probe_contexts(contexts, tokens),
        contexts.token_filter,
        TokenStrings.of(host.tokenizer),
        **options,
    )
    return {row["metric"]: row for row in rows.to_pylist()}


@pytest.fixture(scope="module")
def whole(house) -> dict[str, dict]:
    """Of a dictionary that gives back all of the activation."""
    return measured(house, Doubled(32, 1.0))


def test_probes_learn_and_are_tested_on_other_documents(house):
    _, contexts = house
    trained, unseen = probe_contexts(contexts, 4000)
    assert not any(is_held_out(context.document_id) for context in trained)
    assert all(is_held_out(context.document_id) for context in unseen)
    n_tokens = [sum(len(c.token_ids) - 1 for c in some) for some in (trained, unseen)]
    assert 2700 < n_tokens[0] < 3300
    assert 0 < n_tokens[1] < 1200
    assert [c.context_id for c in trained] == sorted({c.context_id for c in trained})


def test_shrinkage_is_of_held_out_tokens(house, whole):
    """What gives back half of x, of mean m, has gamma .5 + .5 |m|^2 / E|x - m|^2."""
    assert whole["shrinkage_gamma"]["value"] == pytest.approx(1, abs=1e-5)
    assert whole["norm_ratio"]["value"] == pytest.approx(1, abs=1e-5)
    host, contexts = house
    x_TD = capture_sites(host, probe_contexts(contexts, 2000)[1], contexts.token_filter, [SITE], torch.float32)[
        SITE
    ].batch.x_TD.double()
    mean_D = x_TD.mean(dim=0)
    wanted = 0.5 + 0.5 * float(mean_D.square().sum() / (x_TD - mean_D).square().sum(dim=1).mean())
    assert measured(house, Doubled(32, 0.5), 2000)["shrinkage_gamma"]["value"] == pytest.approx(wanted, rel=1e-5)


def test_tokens_beyond_the_norm_limit_are_left_out_of_every_number(house):
    host, contexts = house
    _, unseen = probe_contexts(contexts, 2000)
    x_TD = capture_sites(host, unseen, contexts.token_filter, [SITE], torch.float32)[SITE].batch.x_TD.double()
    limit = float(x_TD.norm(dim=1).median())
    short_TD = x_TD[x_TD.norm(dim=1) <= limit]
    mean_D = short_TD.mean(dim=0)
    wanted = 0.5 + 0.5 * float(mean_D.square().sum() / (short_TD - mean_D).square().sum(dim=1).mean())
    rows = measured(house, Doubled(32, 0.5), 2000, norm_limit=limit)
    assert rows["shrinkage_gamma"]["value"] == pytest.approx(wanted, rel=1e-5)
    assert rows["shrinkage_gamma"]["n_tokens"] == rows["sparse_probing_raw"]["n_tokens"] == len(short_TD) < len(x_TD)


def test_sparse_probing_climbs_to_what_the_activation_says(house, whole):
    k1, k20, raw = (whole[f"sparse_probing_{name}"]["value"] for name in ("k1", "k20", "raw"))
    assert 0.5 < k1 < k20 < raw + 0.01
    assert raw > 0.95, "a random model still tells its tokens apart"
    assert {row["unit"] for row in whole.values()} <= set(UNITS.values())
    assert {row["split"] for row in whole.values()} == {"held_out"}
    _, unseen = probe_contexts(house[1], 6000)
    assert whole["sparse_probing_raw"]["n_tokens"] == sum(len(context.token_ids) - 1 for context in unseen)


def test_a_dictionary_that_writes_another_site_has_probes_only(house):
    found = measured(house, Doubled(32, 1.0, crosses=True), 2000)
    assert set(found) == {name for name in UNITS if "probing" in name}


def test_without_documents_on_both_sides_there_is_no_row(house):
    host, contexts = house
    trained, _ = probe_contexts(contexts, 1000)
    pieces = TokenStrings.of(host.tokenizer)
    assert (
        evaluate_feature_quality(host, SITE, Doubled(32, 1.0), trained, [], contexts.token_filter, pieces).num_rows == 0
    )


def test_all_metrics_of_a_dictionary_stand_in_one_table_and_probes_only_where_they_may_have_tokens(house, whole):
    calibration = {"trained": {"l0": 3.0, "fvu": 0.5}, "exported": {"l0": 2.0, "fvu": 0.25}, "n_tokens": 99}
    facts = {"site": str(SITE), "written": str(SITE), "norm_limit": None, "calibration": calibration}
    host, contexts = house
    given = EvaluationInput.of(host, Doubled(32, 1.0), contexts, facts)

    def metrics(probe_tokens: int) -> dict[str, float]:
        settings = StatisticsSettings(evaluation_tokens=500, probe_tokens=probe_tokens)
        return {row["metric"]: row["value"] for row in evaluate_dictionary(given, settings).to_pylist()}

    alone, probed = metrics(0), metrics(6000)
    assert (alone["fvu"], alone["ce_recovered"]) == pytest.approx((0, 1), abs=1e-6)
    assert (alone["l0_trained"], alone["fvu_exported"]) == (3.0, 0.25)
    assert not alone.keys() & UNITS.keys()
    assert probed == alone | {name: row["value"] for name, row in whole.items()}

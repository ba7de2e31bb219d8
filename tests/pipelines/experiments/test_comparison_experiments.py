"""Two models side by side and one over languages, from card to rows: a model compared with itself is the control."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comparison_house import add_model
from experiment_house import write_card
from text_set_house import SITE, WORDS, asked, dictionary, dictionary_in_place, text_set_house, two_labels

from models.experiments.method import ExperimentInput, Rows, method_of
from models.experiments.other_model import common_segments, read_text
from pipelines.experiments import experiment_input as inputs
from pipelines.store import experiment_identity as identities
from pipelines.store.experiment_identity import experiment_identity
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)
    monkeypatch.setattr(Store, "registration", lambda self, sae_id: sae_id)
    monkeypatch.setattr(identities, "sae_registrations", lambda store, registration: [])
    monkeypatch.setattr(identities, "dictionary_identity", lambda store, named: str(named))


def rows_of(method: str, given: ExperimentInput[Any]) -> Rows:
    rows = method_of(method).measure(given, given.prompts)
    for table, each in rows.items():
        assert rows_as_table(table, each).num_rows == len(each)
    return rows


def test_a_model_beside_itself_is_its_own_counterpart_and_does_not_drift(tmp_path: Path):
    store = text_set_house(tmp_path, "universality", two_labels(24), other_model="m")
    given = asked(store)
    rows = rows_of("universality", given)
    found = rows["feature_counterpart"]
    assert len(found) > 40
    assert all(row["correlation"] == pytest.approx(1) for row in found)
    assert all(row["shuffled_correlation"] < 0.6 for row in found)
    similar = {row["measure"]: row for row in rows["representation_similarity"]}
    assert similar["cka"]["value"] == pytest.approx(1)
    assert similar["svcca"]["value"] == pytest.approx(1)
    assert similar["cka"]["baseline"] < 0.5
    write_card(
        tmp_path,
        "experiments/asked",
        {"method": "model_diff", "prompt_set": "labelled", "recipe": "mid", "settings": {"other_model": "m"}},
    )
    given = asked(store)
    rows = rows_of("model_diff", given)
    assert not any(row["is_drifted"] for row in rows["feature_drift"])
    assert {row["log2_ratio"] for row in rows["feature_drift"]} == {0.0}
    similar = {row["measure"]: row for row in rows["representation_similarity"]}
    assert similar["fvu"]["value"] == similar["fvu"]["baseline"]


def test_a_model_with_other_weights_is_read_beside_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rates are the shares of tokens at which a coordinate has a sign; the dictionary leaves half of every activation,
    so that each FVU is a quarter of the second moment over the variance."""
    half = dictionary()
    with torch.no_grad():
        half.sae.W_dec.mul_(0.5)
    monkeypatch.setattr(inputs, "feature_dictionary", lambda store, named: half)
    store = text_set_house(tmp_path, "model_diff", two_labels(24), other_model="tuned")
    add_model(tmp_path, "tuned", "gpt2", noise=0.1)
    given = asked(store)
    rows = rows_of("model_diff", given)
    drift = {row["feature_id"]: row for row in rows["feature_drift"]}
    fvu = {row["measure"]: row for row in rows["representation_similarity"]}["fvu"]
    for host, rate, spread in ((given.host, "rate", "baseline"), (given.compared.host, "other_rate", "value")):
        x_SD = np.concatenate(
            [
                read_text(host, SITE, each.token_ids, each.n_special, each.prompt.text).x_PD[1 - each.n_special :]
                for each in given.prompts
            ]
        ).astype(np.float64)
        shares = np.concatenate([(x_SD > 0).mean(0), (x_SD < 0).mean(0)])
        assert {feature: row[rate] for feature, row in drift.items()} == pytest.approx(
            {feature: shares[feature] for feature in drift}
        )
        assert fvu[spread] == pytest.approx(0.25 * (x_SD**2).sum() / ((x_SD - x_SD.mean(0)) ** 2).sum(), rel=1e-5)
    assert abs(fvu["value"] / fvu["baseline"] - 1) > 1e-4
    assert max(abs(row["log2_ratio"]) for row in drift.values()) > 0.5


def test_another_model_with_other_tokens_is_aligned_by_characters(tmp_path: Path):
    store = text_set_house(tmp_path, "universality", two_labels(24), other_model="other")
    add_model(tmp_path, "other", "llama")
    given = asked(store)
    rows = rows_of("universality", given)
    assert {row["other_model_id"] for row in rows["feature_counterpart"]} == {"other"}
    assert rows["representation_similarity"][0]["n_places"] > 100
    first, second = (experiment_identity(store, store.experiment("m/asked")) for _ in range(2))
    assert first == second
    assert first["found"]["other"]["dictionary"] == "other/mid"


def test_segments_end_where_both_models_end_a_token():
    one, other = common_segments(np.array([2, 3, 7, 9]), np.array([3, 5, 7]))
    assert one.tolist() == [0, 0, 1, -1]
    assert other.tolist() == [0, 1, 1]


def parallel() -> list[dict[str, Any]]:
    """The same words with colons and with commas."""
    rows = []
    for number in range(24):
        words = [WORDS[(number * 7 + place * place) % len(WORDS)] for place in range(4)]
        for sign, language in ((":", "colonese"), (",", "commish")):
            rows.append({"prompt": f"{sign} ".join(words), "language": language, "group": f"s{number}"})
    return rows


def test_features_over_languages_have_rows(tmp_path: Path):
    store = text_set_house(tmp_path, "sparse_probing", two_labels())
    write_card(tmp_path, "prompt_sets/pairs", {"kind": "parallel", "prompts": parallel()})
    card = {"method": "multilingual", "prompt_set": "pairs", "recipe": "mid"}
    write_card(tmp_path, "experiments/asked", card)
    rows = rows_of("multilingual", asked(store))
    [pair] = rows["layer_language"]
    assert (pair["language"], pair["other_language"], pair["n_sentences"]) == ("colonese", "commish", 24)
    assert pair["overlap"] > pair["unpaired_overlap"]
    assert rows["feature_language"][0]["languages"] == ["colonese", "commish"]
    for broken, wanted in (
        (parallel()[:-1], "1 of 24 sentences are missing in commish"),
        (parallel()[::2], "in colonese only: add another language"),
        ([*parallel(), parallel()[0]], "sentence s0 stands twice in colonese"),
        (parallel()[:20], "10 sentences, wanted 20"),
    ):
        write_card(tmp_path, "prompt_sets/pairs", {"kind": "parallel", "prompts": broken})
        with pytest.raises(ValueError, match=wanted):
            asked(store)


@pytest.mark.parametrize(
    ("method", "settings", "wanted"),
    [
        ("universality", {}, "other_model is 'not named', and there is m"),
        ("universality", {"other_model": "m", "other_recipe": "late"}, "m has no recipe late; there is mid"),
        ("model_diff", {"other_model": "other"}, "cuts texts into other tokens: ask `universality`"),
    ],
)
def test_what_cannot_be_compared_is_said_before_the_first_pass(
    tmp_path: Path, method: str, settings: dict[str, Any], wanted: str
):
    store = text_set_house(tmp_path, method, two_labels(24), **settings)
    if settings.get("other_model") == "other":
        add_model(tmp_path, "other", "llama")
    with pytest.raises(ValueError, match=wanted):
        asked(store)

"""A crosscoder of two models from card to rows; what cannot be one is said before the first pass."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from comparison_house import add_model
from experiment_house import write_card
from text_set_house import asked, text_set_house, two_labels

from models.comparison.crosscoder_features import _kind, evened_norms
from models.experiments.fit_texts import fit_windows
from models.experiments.method import method_of
from models.experiments.methods import crosscoder as method
from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.store import Store

SETTINGS = {
    "n_features": 24,
    "k": 4,
    "fit_tokens": 2_000,
    "fit_length": 32,
    "training_tokens": 4_000,
    "batch_tokens": 200,
    "examples": 2,
}


def crosscoder_house(root: Path, **settings: Any) -> Store:
    store = text_set_house(root, "concept_search", two_labels(24))
    texts = root / "texts"
    texts.mkdir()
    for number in range(30):
        (texts / f"{number}.txt").write_text("def area(width, height):\n    return width * height\n" * 20)
    add_model(root, "tuned", "gpt2", noise=0.1)
    card = {"method": "crosscoder", "prompt_set": "labelled", "models": ["m"]}
    known = SETTINGS | {"other_model": "tuned", "site": "resid_post.0", "fit_source": str(texts)} | settings
    write_card(root, "experiments/asked", card | {"settings": known})
    return store


def test_a_crosscoder_has_rows_that_its_texts_give_again(tmp_path: Path):
    store = crosscoder_house(tmp_path)
    given, method = asked(store), method_of("crosscoder")
    rows = method.measure(given, given.prompts)
    [whole] = rows["crosscoder"]
    n_tokens = sum(len(prompt.token_ids) - 1 for prompt in given.prompts)
    assert (whole["n_tokens"], whole["other_model_id"]) == (n_tokens, "tuned")
    features = rows["crosscoder_feature"]
    assert len(features) == whole["n_alive"] > 0
    assert sum(row["rate"] for row in features) == pytest.approx(whole["l0"])
    strongest: dict[int, float] = {}
    for row in rows["crosscoder_example"]:
        prompt = given.prompts[row["prompt_id"]]
        assert given.host.tokenizer.decode([prompt.token_ids[row["position"]]]) == row["token"]
        strongest.setdefault(row["latent_id"], row["activation"])
        assert row["activation"] <= strongest[row["latent_id"]]
    assert set(strongest) == {row["latent_id"] for row in features}


def test_a_run_writes_its_tables_and_counts_its_passes(tmp_path: Path):
    store = crosscoder_house(tmp_path)
    result = run_experiment(store, store.experiment("m/asked"))
    assert result.manifest.facts["n_forward"] == 2 * (24 + -(-2000 // 32))
    assert run_experiment(store, store.experiment("m/asked")).remade_because is None


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"other_site": "mlp_act.0"}, "resid_post.0 is 32 wide and mlp_act.0 of tuned 48"),
        ({"other_model": "m"}, "both sides are resid_post.0 of the same weights"),
        ({"other_model": "other"}, "cuts texts into other tokens"),
        ({"k": 25}, "k=25 must lie in 1..n_features=24"),
        ({"fit_tokens": 10**9}, "GiB to be held"),
        ({"site": "resid_post.9"}, "asks for block 9"),
    ],
)
def test_what_cannot_be_a_crosscoder_is_said_before_the_first_pass(
    tmp_path: Path, settings: dict[str, Any], wanted: str
):
    store = crosscoder_house(tmp_path, **settings)
    if settings.get("other_model") == "other":
        add_model(tmp_path, "other", "llama")
    with pytest.raises(ValueError, match=wanted):
        asked(store)


def test_sides_of_one_token_are_read_side_by_side(tmp_path: Path):
    """What the method reads is what each model's own site holds."""
    from models.experiments.methods.crosscoder import _read

    given = asked(crosscoder_house(tmp_path))
    prompt = given.prompts[3]
    x_TE = _read(given, prompt)
    for side, host in ((slice(0, 32), given.host), (slice(32, 64), given.compared.host)):
        with torch.no_grad():
            hidden = host.model(torch.tensor([prompt.token_ids]), output_hidden_states=True).hidden_states[1]
        torch.testing.assert_close(x_TE[:, side], hidden[0, 1:].float())


class Kept:
    """Gives what was learned."""

    def __init__(self, learned: dict[str, Any]) -> None:
        self.learned = learned

    def result(self, name: str, make: Any) -> Any:
        return self.learned


def test_rows_are_those_of_either_side(tmp_path: Path):
    """Sides that differ much, in size too, so that none can stand for the other; all from the plain models."""
    store = crosscoder_house(tmp_path)
    add_model(tmp_path, "tuned", "gpt2", noise=0.5)
    given = asked(store)
    learned = method._learned(given)
    windows = fit_windows(given.compared.host, given.settings.fit_source, given.prefix, 2_000, 32)
    for number, host in enumerate((given.host, given.compared.host)):
        with torch.no_grad():
            read = [host.model(torch.tensor([[*given.prefix, *ids]]), output_hidden_states=True) for ids in windows]
        x_TD = torch.cat([out.hidden_states[1][0, len(given.prefix) :] for out in read])
        torch.testing.assert_close(learned[f"mean {number}"], x_TD.mean(0), rtol=0.05, atol=0.02)
    n = learned["decoder"].shape[0]
    learned["decoder"] = torch.cat([learned["decoder"][:, :32], 3 * learned["decoder"][:, 32:]], dim=1)
    rows = method_of("crosscoder").measure(replace(given, kept=Kept(learned)), given.prompts)
    x_TE = torch.cat([method._read(given, prompt) for prompt in given.prompts])
    scaled_TE = torch.cat([(x_TE[:, at] - learned[f"mean {s}"]) * learned[f"scale {s}"] for s, at in SIDES.items()], 1)
    centred_TE, encoder_FE = scaled_TE - learned["centre"], learned["encoder"]
    pre_TF = centred_TE @ encoder_FE.T + learned["b_enc"]
    acts_TF = torch.where(pre_TF > learned["levels"], pre_TF.relu(), 0.0)
    error_TE = centred_TE - acts_TF @ learned["decoder"]
    fvu = [
        float(error_TE[:, at].square().sum() / (scaled_TE[:, at] - scaled_TE[:, at].mean(0)).square().sum())
        for at in SIDES.values()
    ]
    [whole] = rows["crosscoder"]
    assert [whole["fvu"], whole["other_fvu"]] == pytest.approx(fvu, rel=1e-3)
    first = {row["latent_id"]: row for row in reversed(rows["crosscoder_example"])}
    share_TF = (centred_TE[:, 32:] @ encoder_FE[:, 32:].T) / (centred_TE @ encoder_FE.T)
    alive_F = (acts_TF > 0).any(0)
    norm_SF = torch.stack([learned["decoder"][:, at].norm(dim=1) for at in SIDES.values()])
    evened_F = evened_norms(norm_SF, alive_F).tolist()
    assert 0 < len(rows["crosscoder_feature"]) <= n
    for row in rows["crosscoder_feature"]:
        feature = row["latent_id"]
        assert [row["norm"], row["other_norm"]] == pytest.approx(norm_SF[:, feature].tolist())
        assert row["evened_delta"] == pytest.approx(evened_F[feature])
        assert row["kind"] == _kind(row["evened_delta"])
        assert first[feature]["activation"] == pytest.approx(float(acts_TF[:, feature].max()), rel=1e-3)
        place = int(acts_TF[:, feature].argmax())
        assert first[feature]["other_share"] == pytest.approx(float(share_TF[place, feature]), rel=1e-2, abs=1e-3)
    assert {row["kind"] for row in rows["crosscoder_feature"]} >= {"shared"}, "unevened, none is"


SIDES = {0: slice(0, 32), 1: slice(32, 64)}

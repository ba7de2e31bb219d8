"""Inputs made for features of a model, from card to rows; slopes are those of the model itself."""

from pathlib import Path

import pytest
import torch
from text_set_house import asked, dictionary_in_place, text_set_house, two_labels

from models.experiments.method import method_of
from models.experiments.methods import optimised_input as method
from models.features.feature_input_target import FeatureInputTarget
from models.features.optimised_input import EvolutionPlan
from storage.table_schemas import rows_as_table

FAST = {"iterations": 6, "children": 6, "tokens": 4, "penalties": [0.0, 1.0], "features": [3, 40], "restart_every": 3}


@pytest.fixture(autouse=True)
def _a_dictionary_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary_in_place(monkeypatch)


def target_of(root: Path, prefix: tuple[int, ...]) -> FeatureInputTarget:
    given = asked(text_set_house(root, "optimised_input", two_labels(24), **FAST))
    return FeatureInputTarget(given.host, given.features.sae, given.features.site, 3, prefix)


@pytest.mark.parametrize("prefix", [(), (0,)])
def test_values_and_slopes_are_those_of_the_plain_model(tmp_path: Path, prefix: tuple[int, ...]):
    """The slope of each token is the derivative along its one-hot input, asked and expected, in a second writing."""
    target = target_of(tmp_path, prefix)
    model, n = target.host.model, len(prefix)
    ids_MP, penalty_M = torch.tensor([[5, 17, 80, 33], [9, 9, 120, 7]]), torch.tensor([0.0, 0.7])
    rows_VD = model.get_input_embeddings().weight.detach()
    one_hot = torch.nn.functional.one_hot(ids_MP, len(rows_VD)).float().requires_grad_()
    embedded = torch.cat([rows_VD[torch.tensor([prefix] * 2, dtype=torch.int64)], one_hot @ rows_VD], dim=1)
    out = model(inputs_embeds=embedded, output_hidden_states=True)
    target_M = out.hidden_states[1][:, -1] @ target.sae.encoder_FD[3]
    log_MPV = out.logits.log_softmax(-1)
    first = 0 if n else 1
    asked_MPV = one_hot[:, first:]
    surprise_M = -(asked_MPV * log_MPV[:, n + first - 1 : n + 3]).sum(2).mean(1)
    (target_M - penalty_M * surprise_M).sum().backward()
    value_M, said_M = target.values(ids_MP)
    torch.testing.assert_close(value_M, target_M.detach())
    torch.testing.assert_close(said_M, surprise_M.detach())
    torch.testing.assert_close(target.slopes(ids_MP, penalty_M), one_hot.grad, rtol=1e-3, atol=1e-4)


def test_made_texts_survive_and_beat_what_they_began_with(tmp_path: Path):
    given = asked(text_set_house(tmp_path, "optimised_input", two_labels(24), **FAST))
    rows = method_of("optimised_input").measure(given, given.prompts)["optimised_input"]
    assert rows_as_table("optimised_input", rows).num_rows == 2 * 3
    for row in rows:
        again = given.host.tokenizer(row["text"], add_special_tokens=False)["input_ids"]
        assert again == row["token_ids"], "every text is cut into its own tokens again"
        assert row["activation"] == pytest.approx(max(row["target"], 0), abs=1e-4), "a complete dictionary cuts none"
        assert row["ratio_to_corpus"] == pytest.approx(row["target"] / 4.0)
    made = [row for row in rows if row["method"] == "evolution"]
    assert [row["penalty"] for row in made] == [0.0, 1.0] * 2
    shortened = [row for row in rows if row["method"] == "shorten"]
    assert all(len(row["tokens"]) <= row["n_before"] for row in shortened)
    assert rows == method_of("optimised_input").measure(given, given.prompts)["optimised_input"]


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"features": [64]}, "there is no feature 64"),
        ({"features": []}, "features is empty"),
        ({"methods": []}, "no method is named"),
        ({"tokens": 200}, "tokens: 200 and the model reads 128"),
    ],
)
def test_what_cannot_be_made_is_said_before_the_first_pass(tmp_path: Path, settings: dict[str, object], wanted: str):
    with pytest.raises(ValueError, match=wanted):
        asked(text_set_house(tmp_path, "optimised_input", two_labels(24), **(FAST | settings)))


def test_prices_are_in_tenths_of_the_largest_activation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = asked(text_set_house(tmp_path, "optimised_input", two_labels(24), **(FAST | {"methods": ["evolution"]})))
    plans: list[EvolutionPlan] = []
    monkeypatch.setattr(method, "evolve", lambda target, start, plan: plans.append(plan) or [])
    method_of("optimised_input").measure(given, given.prompts)
    assert [plan.penalties for plan in plans] == [pytest.approx((0.0, 0.4))] * 2, "its largest is 4"


def test_shortening_begins_where_the_plain_model_is_strongest(tmp_path: Path):
    given = asked(text_set_house(tmp_path, "optimised_input", two_labels(24), **(FAST | {"window": 3})))
    strongest = []
    for prompt in given.prompts:
        with torch.no_grad():
            out = given.host.model(torch.tensor([prompt.token_ids]), output_hidden_states=True)
        value, place = out.hidden_states[1][0, prompt.n_special :, 3].max(0)
        own = prompt.token_ids[prompt.n_special :]
        strongest.append((float(value), tuple(own[max(0, int(place) - 2) : int(place) + 1]), prompt.prompt_id))
    _, ids, prompt_id = max(strongest, key=lambda each: (each[0], -each[2]))
    assert method._strongest_places(given, [3])[3] == (ids, prompt_id)


def test_a_target_is_the_code_of_a_dictionary_with_biases_and_no_special_token_is_tried(tmp_path: Path):
    target, chance = target_of(tmp_path, (0,)), torch.Generator().manual_seed(0)
    for bias in (target.sae.b_dec, target.sae.b_enc):
        bias.data = 0.3 * torch.randn(bias.shape, generator=chance)
    rows = torch.randint(5, 60, (24, 4), generator=chance)
    value_C, code_C = target.values(rows)[0], [target.activation(tuple(ids)) for ids in rows.tolist()]
    assert 0 < int((value_C > 0).sum()) < 24
    assert value_C.relu().tolist() == pytest.approx(code_C, abs=1e-5)
    special = target.host.tokenizer.all_special_ids
    assert special
    assert not target.allowed_V[special].any()


def test_a_text_that_begins_within_a_word_is_shortened_from_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = FAST | {"methods": ["shorten"], "features": [3], "window": 4, "kept_share": 1.0}
    given = asked(text_set_house(tmp_path, "optimised_input", two_labels(24), **settings))
    ids, prompt_id = method._strongest_places(given, [3])[3]
    assert len(ids) == 4
    cut = torch.tensor(ids[:2])
    monkeypatch.setattr(FeatureInputTarget, "survives", lambda self, ids_CP: ~torch.isin(ids_CP[:, 0], cut))
    [row] = method_of("optimised_input").measure(given, given.prompts)["optimised_input"]
    assert (row["n_before"], row["prompt_id"]) == (2, prompt_id)
    assert tuple(row["token_ids"]) in (ids[2:], ids[3:])

"""Frequencies over a grid of numbers, from card to rows; of models of modular addition, what is known of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from experiment_house import experiment_house, write_card
from text_set_house import asked

from models.experiments.method import method_of
from models.experiments.methods import number_frequencies as method
from models.experiments.prompt import InvalidPrompt
from pipelines.store.store import Store
from storage.table_schemas import rows_as_table

MODELS = Path(__file__).resolve().parents[4] / "shared/data/models"


def grid_house(root: Path, numbers: list[tuple[int, int]]) -> Store:
    store = experiment_house(root, {"method": "logit_lens"})
    file = root / "pairs.jsonl"
    file.write_text("\n".join(json.dumps({"prompt": f"{a} {b} ="}) for a, b in numbers))
    write_card(root, "prompt_sets/pairs", {"source": str(file)})
    card = {"method": "number_frequencies", "prompt_set": "pairs", "settings": {"site": "mlp_act.0"}}
    write_card(root, "experiments/asked", card)
    return store


def test_every_unit_of_a_site_has_a_row(tmp_path: Path):
    given = asked(grid_house(tmp_path, [(a, b) for a in range(9) for b in range(9)]))
    rows = method_of("number_frequencies").measure(given, given.prompts)
    for table, each in rows.items():
        assert rows_as_table(table, each).num_rows == len(each)
    assert [row["unit"] for row in rows["unit_frequency"]] == list(range(48))
    assert sum(row["n_units"] for row in rows["number_frequency"]) == 48
    assert [row["frequency"] for row in rows["number_frequency"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        (
            [(a, b) for a in range(9) for b in range(9)][:-1],
            "80 different pairs stand in 80 prompts, wanted each of 81",
        ),
        ([(a, b) for a in range(3) for b in range(3)], "the numbers are 0 to 2, wanted 8"),
    ],
)
def test_a_grid_with_holes_is_refused(tmp_path: Path, numbers: list[tuple[int, int]], wanted: str):
    with pytest.raises(InvalidPrompt, match=wanted):
        asked(grid_house(tmp_path, numbers))


@pytest.mark.slow
@pytest.mark.skipif(not MODELS.exists(), reason=f"no models of modular addition in {MODELS}")
@pytest.mark.parametrize(("name", "few"), [("mod-addition-grokked", True), ("mod-addition-no-wd", False)])
def test_the_grokked_model_has_few_frequencies_and_the_other_many(tmp_path: Path, name: str, few: bool):
    """Five frequencies hold .947 of the grokked embedding's energy, .496 of that learned without weight decay."""
    store = grid_house(tmp_path, [(a, b) for a in range(113) for b in range(113)])
    card: dict[str, Any] = {"source": str(MODELS / name), "corpus": {"source": "stdlib"}, "prepend_bos": False}
    write_card(tmp_path, "models/m", card)
    given = asked(store)
    rows = method_of("number_frequencies").measure(given, given.prompts)
    shares = sorted((row["embedding_share"] for row in rows["number_frequency"]), reverse=True)
    used = [row for row in rows["number_frequency"] if row["n_units"]]
    units = rows["unit_frequency"]
    clean = sum(row["share"] > 0.9 for row in units) / len(units)
    assert (sum(shares[:5]) > 0.9) == few
    assert (len(used) <= 6) == few
    assert (clean > 0.8) == few
    assert all(row["shuffled_share"] < 0.1 for row in units)


def test_a_picture_has_the_first_number_downward_and_its_shuffled_twin_is_another(tmp_path: Path):
    given = asked(grid_house(tmp_path, [(a, b) for a in range(9) for b in range(9)]))
    grid_UPP = method._grid(given)
    for prompt in given.prompts[3:20:4]:
        (first, second), found = method.pairs(given)[prompt.prompt_id], given.host
        with found.capture([method._site(given)]) as captured, torch.no_grad():
            found.forward(torch.tensor([prompt.token_ids]))
        assert (first, second) == divmod(prompt.prompt_id, 9)
        [acts_PU] = captured.values()
        torch.testing.assert_close(grid_UPP[:, first, second], acts_PU[0, -1].float(), rtol=1e-4, atol=1e-5)
    rows = method_of("number_frequencies").measure(given, given.prompts)["unit_frequency"]
    assert all(abs(row["share"] - row["shuffled_share"]) > 1e-6 for row in rows)

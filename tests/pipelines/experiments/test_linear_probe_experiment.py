"""Linear probes from card to tables: a label that tokens give away is told, one that they do not is not."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from experiment_house import experiment_house, write_card

from pipelines.experiments.experiment_run import planned_passes, run_experiment
from pipelines.store.store import Store

WORDS = ("width", "height", "items", "name", "value", "found", "self", "area")
CARD = {"method": "linear_probe", "settings": {"penalties": [0.01], "edit_strengths": [1.0]}}
EDIT = {"from_label": "colon", "to_label": "comma", "token": ":"}
FUNCTION = "def f(a, b):\n    c = [a, (b, 1)]  # two\n    if c:\n        return g('x', c)\n\n"


def labelled(labels: dict[str, str]) -> dict[str, Any]:
    """Prompts that end in one of some signs, four groups of words each."""
    pairs = itertools.product(WORDS, WORDS)
    prompts = [
        {"prompt": f"{one} {other}{sign}", "label": label, "group": one}
        for one, other in pairs
        for sign, label in labels.items()
    ]
    return {"kind": "labelled", "prompts": prompts}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = experiment_house(tmp_path, CARD)
    write_card(tmp_path, "prompt_sets/some", labelled({":": "colon", ",": "comma"}))
    return store


def ask(store: Store, root: Path, **settings: Any) -> dict[str, list[dict[str, Any]]]:
    card = CARD | {"prompt_set": "some", "settings": CARD["settings"] | settings}
    write_card(root, "experiments/asked", card)
    plan = planned_passes(store, store.experiment("m/asked"))
    run_experiment(store, store.experiment("m/asked"))
    tables = ("probe", "probe_class", "probe_metric", "probe_edit", "experiment")
    rows = {
        name: store.tables.read_rows(store.layout.table_at(name, model_id="m", experiment_id="asked"))
        for name in tables
    }
    assert rows["experiment"][0]["n_forward"] == plan.passes.forward
    return rows


def test_a_label_that_the_last_token_gives_away_is_told_at_every_layer(store: Store, tmp_path: Path):
    rows = ask(store, tmp_path, edits=[EDIT | {"task": "label"}])
    assert [(row["site"], row["layer"]) for row in rows["probe"]] == [
        ("resid_pre.0", -1), ("resid_post.0", 0), ("resid_post.1", 1), ("resid_post.2", 2)
    ]  # fmt: skip
    assert {(row["n_train_groups"], row["n_test_groups"]) for row in rows["probe"]} == {(6, 2)}
    assert [row["value"] for row in rows["probe_metric"]][:2] == [1.0] * 2, "the embeddings"
    assert min(row["value"] for row in rows["probe_metric"]) > 0.8
    assert {row["majority"] for row in rows["probe_metric"]} == {0.5}
    assert max(row["control"] for row in rows["probe_metric"]) < 0.8
    assert len(rows["probe_class"]) == 8
    assert len(rows["probe_class"][0]["weights"]) == 32
    edits = rows["probe_edit"]
    assert [(row["along"], row["n"]) for row in edits[:2]] == [("probe", 16), ("mean_difference", 16)]
    at_the_last_block = edits[-1]
    moved = at_the_last_block["probability_after"] - at_the_last_block["probability_before"]
    asked = at_the_last_block["probability_target"] - at_the_last_block["probability_before"]
    assert moved == pytest.approx(asked, rel=0.35), "behind the last block the means' difference is all there is"


def test_a_label_that_nothing_gives_away_is_at_chance(store: Store, tmp_path: Path):
    prompts = labelled({":": "a"})["prompts"]
    for number, prompt in enumerate(prompts):
        prompt["label"] = "ab"[(number * 7 // 3) % 2]
    write_card(tmp_path, "prompt_sets/some", {"kind": "labelled", "prompts": prompts})
    values = [row["value"] for row in ask(store, tmp_path, layers=[2], random_init=False)["probe_metric"]]
    assert max(values) < 0.8


def test_every_token_of_a_program_is_a_row(store: Store, tmp_path: Path):
    prompts = [{"prompt": FUNCTION.replace("f(", f"{name}("), "group": name} for name in "pqrstuvwxyz"]
    write_card(tmp_path, "prompt_sets/some", {"prompts": prompts})
    rows = ask(store, tmp_path, labels="python_structure", layers=[0], random_init=False)
    by_task = {row["task"]: row for row in rows["probe"]}
    assert set(by_task) == {"bracket_depth", "indentation", "text_kind"}, "too few names are free"
    assert by_task["bracket_depth"]["position_rule"] == "every token"
    value = {row["probe_id"]: row["value"] for row in rows["probe_metric"] if row["metric"] == "balanced_accuracy"}
    assert value[by_task["bracket_depth"]["probe_id"]] > 0.7, "one program again and again is learned by heart"
    with pytest.raises(ValueError, match="name_bound: fewer than two labels have 20 tokens"):
        ask(store, tmp_path, labels="python_structure", tasks=["name_bound"])


def test_where_nothing_tells_the_labels_apart_nothing_is_moved(store: Store, tmp_path: Path):
    prompts = [
        {"prompt": f"{one}{sign} {other}", "label": label, "group": one}
        for one in WORDS
        for sign, label in ((":", "colon"), (",", "comma"))
        for other in WORDS[:1]
    ]
    write_card(tmp_path, "prompt_sets/some", {"kind": "labelled", "prompts": prompts})
    edits = ask(store, tmp_path, layers=[-1], random_init=False, edits=[EDIT | {"task": "label"}])["probe_edit"]
    assert [row["norm"] for row in edits] == [0, 0]
    assert all(row["probability_after"] == row["probability_before"] for row in edits)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"layers": [3]}, r"layers \[3\] of a model with blocks 0 to 2"),
        ({"edits": [EDIT | {"task": "indentation"}]}, "no task 'indentation' is probed; there are label"),
        ({"edits": [EDIT | {"to_label": "dash"}]}, "label has no label dash; there are colon, comma"),
        ({"edits": [EDIT | {"token": "qqq zzz"}]}, r"token 'qqq zzz' is \d tokens .* wanted one"),
        ({"edits": [EDIT], "position": "mean"}, "say last"),
        ({"position": "subject"}, "row 0 has no subject"),
        ({"labels": "python_structure"}, "row 0: 'width width:'… is no Python program"),
    ],
)
def test_what_cannot_be_asked_is_said_before_the_first_pass(store: Store, tmp_path: Path, settings: dict, wanted: str):
    with pytest.raises(ValueError, match=wanted):
        ask(store, tmp_path, **settings)


def test_one_group_cannot_be_split(store: Store, tmp_path: Path):
    prompts = [prompt | {"group": "all"} for prompt in labelled({":": "colon", ",": "comma"})["prompts"]]
    write_card(tmp_path, "prompt_sets/some", {"kind": "labelled", "prompts": prompts})
    with pytest.raises(ValueError, match="all rows are of one group"):
        ask(store, tmp_path)

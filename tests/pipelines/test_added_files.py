"""What is added is its files: in a copy of the tree with a method, a scorer and an importer more, each is found by all
that lists such things, and no other file is touched."""

import difflib
import json
import re
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import added_importer
import added_method
import added_scorer
import numpy as np
import pytest
from safetensors.numpy import load_file
from tree_copy import python_in, tree_with

from sql.warehouse import connect

SCORER = added_scorer.NAME
PAGES = {
    "docs/warehouse.md": ["### `axis_share`", "| `axis_share` |"],
    "docs/card-reference.md": ["axis_share:", "  n_entries: 2"],
}
"""Pages written from the code, and beginnings of lines that each has of the method."""
COUNTS = {0: (30, "Numbers in a list"), 1: (0, "Nothing at all"), 2: (7, "Names of rivers")}
TOKENS = 1_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("added")


@pytest.fixture(scope="module")
def tree(root: Path) -> Path:
    return tree_with(root, added_method.FILES | added_scorer.FILES | added_importer.FILES)


@pytest.fixture(scope="module")
def made(root: Path, tree: Path) -> dict[str, Any]:
    lines = [f"{feature}, {firings}, {TOKENS}, {label}" for feature, (firings, label) in COUNTS.items()]
    (root / "dump").mkdir()
    (root / "dump" / "counts.csv").write_text("\n".join(lines))
    ran = python_in(tree, "tests/support/added_files_run.py", str(root))
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads((root / "found.json").read_text())
    assert told["from"].startswith(str(tree)), "the copy was run"
    return told | {"said": ran.stdout}


def test_the_asset_of_a_method_stands_in_the_graph_and_is_published(made: dict[str, Any]):
    assert made["graph"] == {
        "group": "dictionary",
        "published": True,
        "jobs": {"harvest": False, "train": True, "label": False, "full_pipeline": True},
    }


@pytest.mark.parametrize(("time", "n_entries"), [("first", 3), ("second", 5)])
def test_the_table_of_a_method_has_rows_as_its_section_asks(made: dict[str, Any], time: str, n_entries: int):
    features, shares = zip(*made[time]["shares"], strict=True)
    weights = load_file(Path(made["sae"]) / "sae_weights.safetensors")
    squares_FD = np.sort(weights["W_dec"].astype(np.float64) ** 2, axis=1)
    assert features == tuple(range(64))
    assert shares == pytest.approx((squares_FD[:, -n_entries:].sum(axis=1) / squares_FD.sum(axis=1)).tolist())
    assert f'data-axis-share="{shares[1]}"' in made[time]["pages"]["1"]


def test_a_changed_setting_remakes_the_table_of_its_method_and_nothing_else(made: dict[str, Any]):
    assert made["remade"] == ["axis_share: recipe.axis_share.n_entries was 3, is 5"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_docs_that_is_written_from_the_code_covers_a_method(made: dict[str, Any], tree: Path, page: str):
    changes = list(difflib.ndiff((tree / page).read_text("utf-8").splitlines(), made["docs"][page].splitlines()))
    assert not [line for line in changes if line.startswith("- ")]
    added = [line[2:] for line in changes if line.startswith("+ ")]
    assert [begin for begin in PAGES[page] if not any(line.startswith(begin) for line in added)] == []


def by_hand(ratings: list[tuple[str, int | None, int]]) -> dict[str, float]:
    """Of each label the mean of two shares: windows with the feature rated 3, and controls that are not."""
    rated = defaultdict[str, tuple[list[bool], list[bool]]](lambda: ([], []))
    for label, interval, rating in ratings:
        rated[label][interval is None].append(rating == 3)
    return {
        label: (sum(fires) / len(fires) + 1 - sum(silent) / len(silent)) / 2
        for label, (fires, silent) in rated.items()
        if fires and silent
    }


def test_the_scores_of_a_scorer_are_stored(made: dict[str, Any]):
    """A rating is 3 exactly where the rule holds on the peak, so ratings say what the scores must be."""
    scores, wanted = made["first"]["scores"], by_hand(made["first"]["ratings"])
    mine = {label: value for label, scorer, _, value, is_headline in scores if scorer == SCORER and is_headline}
    assert {metric for _, scorer, metric, *_ in scores if scorer == SCORER} == {"balanced_accuracy", "f1"}
    assert len(wanted) > 3
    assert {label: mine[label] for label in wanted} == pytest.approx(wanted)
    assert len({round(value, 6) for value in wanted.values()}) > 1, "not one value for all"


def test_the_headline_of_a_scorer_stands_beside_the_labels_and_the_dictionary(made: dict[str, Any]):
    scores = {label: headlines for label, _, headlines in made["first"]["labels"]}
    wanted = by_hand(made["first"]["ratings"])
    assert {label: scores[label][SCORER] for label in wanted} == pytest.approx(wanted)
    [[summary]] = made["first"]["summary"]
    assert summary.keys() == {"detection", SCORER}


def test_a_scorer_stands_on_the_page_of_a_feature(made: dict[str, Any]):
    wanted = by_hand(made["first"]["ratings"])
    for label, feature, headlines in made["first"]["labels"]:
        if label in wanted:
            page = made["first"]["pages"][str(feature)]
            overview = re.search(r'<section id="overview".*?</section>', page, re.DOTALL)
            assert overview is not None
            fact = re.search(rf"<dt>{SCORER}.*?</dd>", overview[0], re.DOTALL)
            assert fact is not None, overview[0]
            assert float(re.findall(r'<data value="([^"]+)"', fact[0])[0]) == pytest.approx(headlines[SCORER])


def test_the_page_of_scores_is_said_to_lack_a_scorer(made: dict[str, Any]):
    assert made["check"] == 1, made["said"][-3000:]
    assert SCORER in made["said"]
    assert "python -m models.autointerp.scorer" in made["said"]


def test_the_dump_of_an_importer_comes_in_at_the_command_line(made: dict[str, Any], root: Path):
    code, said, _ = made["commands"]["import"]
    assert code == 0, made["commands"]["import"]
    assert "small/counted: 1 of sae, 3 of feature, 3 of explanation" in said
    with closing(connect(root / "imported.duckdb")) as con:
        features = con.execute("select feature_id, n_firings, n_tokens, density from feature order by all").fetchall()
        [dictionary] = con.execute("select model_id, recipe_id, site, n_features, origin from sae").fetchall()
    assert features == [(feature, n, TOKENS, n / TOKENS) for feature, (n, _) in COUNTS.items()]
    assert dictionary == ("small", "counted", "resid_post.3", 3, "imported:counts")
    for feature, (_, label) in COUNTS.items():
        assert label in made["commands"]["pages"][str(feature)]


def test_help_and_errors_name_an_importer(made: dict[str, Any]):
    told = made["commands"]["help"][1]
    assert "FOLDER is the folder that holds counts.csv." in told
    assert "Example: glasshouse import counts --model small --recipe counted" in " ".join(told.split())
    code, _, refused = made["commands"]["unknown"]
    assert code == 1
    assert "no importer 'csv'; there are counts, delphi, neuronpedia, saedashboard" in refused

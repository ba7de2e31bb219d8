"""A scorer is one file: in a copy of the tree with one more, it is asked for, stored, published and shown, and the page
that explains scores is said to lack it."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tree_copy import python_in, tree_with

NAME = "rule_on_peak"
SCORER = '''"""Does the label's rule hold on the token where the activation is highest? Made up by a test."""

from models.autointerp.judge_task import WindowTask, show_marked
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.trial_runs import judged
from models.autointerp.trials import Judgement
from models.autointerp.yes_no import FIRES, yes_no, yes_no_metrics


def _holds_on_peak(rules):
    return [Judgement(holds) for holds in rules.held_S[rules.start_N[:-1] + rules.peak_N].tolist()]


SCORER = judged(
    WindowTask("rule_on_peak", FIRES, 250, show_marked, yes_no, _holds_on_peak),
    lambda inputs: detection_trials(inputs.examples, inputs.labels, {}),
    lambda examples, windows: yes_no_metrics(examples, windows)[:2],
    metrics={"balanced_accuracy": "mean of the shares of both kinds of windows", "f1": "the same as F1"},
    headline="balanced_accuracy",
)
'''
CHAIN = """
import json, sys
from contextlib import closing
from pathlib import Path

import dagster as dg
from small_house import RECIPE, small_house
from starlette.testclient import TestClient

import models
from pipelines.runs.in_process import run_partition
from sql.warehouse import connect
from web.app import app

asks = f"explainer: lexical, judge: lexical, scorers: [detection, {sys.argv[2]}], features: 8"
recipe = RECIPE.replace("tokens: 16_384", "tokens: 4_096")
assert recipe != RECIPE
store = small_house(Path(sys.argv[1]), f"{recipe.rstrip()}\\n    explanations: {{{asks}}}\\n")
with dg.DagsterInstance.ephemeral() as instance:
    ran = run_partition(store, "first/small", instance)
assert ran.success, ran.error
with closing(connect(store.published)) as con:
    con.execute("set threads = 1")
    def rows(query): return con.execute(query).fetchall()
    found = {
        "from": models.__file__ or list(models.__path__)[0],
        "scores": rows("select explanation_id, scorer, metric, value, is_headline from explanation_score"),
        "labels": rows("select explanation_id, feature_id, headline_scores from feature_label"),
        "summary": rows("select headline_scores from sae_summary"),
        "ratings": rows("select explanation_id, interval_index, rating from specificity"),
    }
pages = TestClient(app(store.published))
found["pages"] = {str(feature): pages.get(f"/sae/first/small/{feature}").text for _, feature, _ in found["labels"]}
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that git knows, and one scorer."""
    return tree_with(tmp_path_factory.mktemp("copy"), {f"models/autointerp/scorers/{NAME}.py": SCORER})


@pytest.fixture(scope="module")
def made(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the whole chain made on a tiny model, by a recipe that names the scorer."""
    ran = python_in(tree, "-c", CHAIN, str(tmp_path_factory.mktemp("house")), NAME)
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout[ran.stdout.index('{"from"') :])
    assert told["from"].startswith(str(tree)), "the copy was run"
    return told


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


def test_its_scores_are_stored(made: dict[str, Any]):
    """A rating is 3 exactly where the rule holds on the peak, so ratings say what the scores must be."""
    wanted = by_hand(made["ratings"])
    mine = {label: value for label, scorer, _, value, is_headline in made["scores"] if scorer == NAME and is_headline}
    assert {metric for _, scorer, metric, *_ in made["scores"] if scorer == NAME} == {"balanced_accuracy", "f1"}
    assert len(wanted) > 3
    assert {label: mine[label] for label in wanted} == pytest.approx(wanted)
    assert len({round(value, 6) for value in wanted.values()}) > 1, "not one value for all"


def test_its_headline_stands_beside_the_labels_and_the_dictionary(made: dict[str, Any]):
    scores = {label: headlines for label, _, headlines in made["labels"]}
    wanted = by_hand(made["ratings"])
    assert {label: scores[label][NAME] for label in wanted} == pytest.approx(wanted)
    [[summary]] = made["summary"]
    assert summary.keys() == {"detection", NAME}


def test_it_stands_on_the_page_of_a_feature(made: dict[str, Any]):
    wanted = by_hand(made["ratings"])
    for label, feature, headlines in made["labels"]:
        if label in wanted:
            page = made["pages"][str(feature)]
            overview = re.search(r'<section id="overview".*?</section>', page, re.DOTALL)
            assert overview is not None
            fact = re.search(rf"<dt>{NAME}.*?</dd>", overview[0], re.DOTALL)
            assert fact is not None, overview[0]
            assert float(re.findall(r'<data value="([^"]+)"', fact[0])[0]) == pytest.approx(headlines[NAME])


def test_the_page_of_scores_is_said_to_lack_it(tree: Path):
    check = "tests/sql/test_labels_page.py::test_every_score_is_explained"
    ran = python_in(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", check)
    assert ran.returncode == 1, ran.stdout[-3000:]
    assert NAME in ran.stdout
    assert "python -m models.autointerp.scorer" in ran.stdout

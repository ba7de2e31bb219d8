"""Trials are run a block at a time: none twice, none left out, and progress counts all of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from example_rows import all_for_scoring, example, with_explained

from models.autointerp import trial_runs
from models.autointerp.assembly import LabelingSetup
from models.autointerp.blocks import blocks
from models.autointerp.config import ExplanationSettings
from models.autointerp.feature_data import FeatureData
from models.autointerp.scorer import ScorerInputs
from models.autointerp.scorers import detection
from models.autointerp.trials import Label, Trial
from storage.folder import Folder
from storage.table_schemas.example import SCHEMA as EXAMPLE

N = 7


def inputs(folder: Path) -> ScorerInputs:
    """Seven features that fire on a number, and the same label for all but the last."""

    rows = [
        example(
            feature, kind, rank, [" x", " 12" if kind == "interval" else " y"], 1.0, 0 if kind == "interval" else None
        )
        for feature in range(N)
        for kind in ("interval", "control")
        for rank in range(10)
    ]
    table = with_explained(pa.Table.from_pylist(rows, schema=EXAMPLE))
    material = FeatureData("m/r", table, near_copy_group=lambda: all_for_scoring(table))
    labels = [Label(f"e{n}", n, "`12`" if n < N - 1 else "`y`") for n in range(N)]
    return ScorerInputs(material, labels, LabelingSetup(ExplanationSettings(), Folder(str(folder)), "m/r"))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100])
def test_blocks_are_all_items_in_order(n: int):
    made = list(blocks(iter(range(N)), n))
    assert [item for block in made for item in block] == list(range(N))
    assert [len(block) for block in made[:-1]] == [n] * (len(made) - 1)
    assert list(blocks([], n)) == []


@pytest.mark.parametrize("block", [1, 3, 100])
def test_a_judged_scorer_scores_every_label_whatever_the_blocks(block: int, tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial_runs, "BLOCK", block)
    told: list[tuple[int, int]] = []
    scored = detection.SCORER.score(inputs(tmp_path), lambda done, total: told.append((done, total)))
    rows = [row for row in scored.values.to_pylist() if row["metric"] == "balanced_accuracy"]
    assert [(row["explanation_id"], row["value"]) for row in rows] == [
        (f"e{n}", 1.0 if n < N - 1 else 0.0) for n in range(N)
    ]
    assert scored.answers == []
    assert scored.judgements.num_rows == 20 * N
    assert sum(scored.judgements["is_right"].to_pylist()) == 20 * (N - 1)
    assert told[-1] == (N, N)
    assert told == sorted(told)


@pytest.mark.parametrize(("block", "together"), [(1, 1), (3, 2), (100, 3), (100, 100)])
def test_a_model_reads_every_trial_once_and_its_numbers_stay_with_their_labels(
    block: int, together: int, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trial_runs, "BLOCK", block)
    given = inputs(tmp_path)
    trials = list(detection.detection_trials(given.examples, given.labels, {}))[::-1]
    seen: list[list[str]] = []
    told: list[tuple[int, int]] = []

    def read(some: Sequence[Trial]) -> list[np.ndarray]:
        """Right for even features, wrong for odd ones."""
        seen.append([trial.label.explanation_id for trial in some])
        return [trial.truth_N * (1.0 if trial.label.feature_id % 2 == 0 else -1.0) for trial in some]

    scored = trial_runs.read_trials(read, given.examples, iter(trials), together, lambda *at: told.append(at), N)
    rows = scored.values.to_pylist()
    said = {(row["explanation_id"], row["answer"], row["kind"]) for row in scored.judgements.to_pylist()}
    assert said == {
        (f"e{n}", (1.0 if n % 2 == 0 else -1.0) * (kind == "interval"), kind)
        for n in range(N)
        for kind in ("interval", "control")
    }
    assert [(row["explanation_id"], row["value"]) for row in rows] == [(f"e{n}", 1.0 - n % 2) for n in range(N)][::-1]
    assert sorted(name for names in seen for name in names) == [f"e{n}" for n in range(N)]
    assert max(map(len, seen)) <= together
    assert told[-1] == (N, N)
    assert all(names == sorted(names) for names in seen), "labels of one feature stand beside each other"

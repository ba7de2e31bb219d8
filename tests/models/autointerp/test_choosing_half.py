"""Near copies are in one half, and both halves have windows of either kind where the documents allow it."""

import numpy as np
import pyarrow as pa
import pytest
from example_rows import all_for_scoring, example, with_explained

from models.autointerp.example_set import ExampleSet
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.trials import Label
from models.numerics.hash_sampling import hash_rank
from storage.table_schemas.example import SCHEMA as EXAMPLE

N = 40


def examples_in(n_documents: int) -> ExampleSet:
    """Of each feature ten examples and ten controls, in so many documents in turn."""
    rows = []
    for feature in range(N):
        for kind in ("interval", "control"):
            for rank in range(10):
                row = example(feature, kind, rank, [f" {feature}", f" {rank}"], 1.0, 0 if kind == "interval" else None)
                rows.append(row | {"document_id": f"f{feature} d{(rank * 7 + len(kind)) % n_documents}"})
    table = with_explained(pa.Table.from_pylist(rows, schema=EXAMPLE))
    return ExampleSet.of(table, near_copy_group=all_for_scoring(table))


@pytest.mark.parametrize("n_documents", [2, 5, 10, 20])
def test_each_half_has_windows_of_both_kinds(n_documents: int):
    gallery = examples_in(n_documents)
    for feature in range(N):
        row_N = gallery.for_scoring(feature)
        is_choosing_N = gallery.choosing_half.of(feature, row_N)
        for kind_N in (gallery.is_control_R[row_N], ~gallery.is_control_R[row_N]):
            assert abs(int(is_choosing_N[kind_N].sum()) - 5) <= 10 // n_documents, "the halves are about as large"
        halves = {group: set() for group in gallery.group_R[row_N].tolist()}
        for group, half in zip(gallery.group_R[row_N].tolist(), is_choosing_N.tolist(), strict=True):
            halves[group].add(half)
        assert all(len(half) == 1 for half in halves.values()), "a document is in both halves"


def test_a_single_document_reports():
    """Nothing is left to choose by: the number that is shown matters more."""
    gallery = examples_in(1)
    assert not any(gallery.choosing_half.of(feature, gallery.for_scoring(feature)).any() for feature in range(N))


def test_a_hard_negative_is_in_the_half_of_its_document():
    """Windows of feature 1: in a document that feature 0 is rated in they are with feature 0's own, else as the hash of
    the document has it, whatever feature is labelled."""
    rows = examples_in(4).table.to_pylist()
    hard = [row for row in rows if row["feature_id"] == 1 and row["kind"] == "interval"]
    for row in hard[:5]:
        row["document_id"] = f"f0 d{row['rank'] % 4}"
    table = pa.Table.from_pylist(rows, schema=EXAMPLE)
    gallery = ExampleSet.of(table, near_copy_group=all_for_scoring(table))
    own_N = gallery.for_scoring(0)
    half_of = dict(zip(gallery.group_R[own_N].tolist(), gallery.choosing_half.of(0, own_N).tolist(), strict=True))
    assert set(half_of.values()) == {True, False}
    ids = {row["example_id"] for row in hard}
    hard_N = np.array([n for n, name in enumerate(gallery.example_ids) if name in ids])
    [trial] = detection_trials(gallery, [Label("a", 0, "x")], {0: hard_N})
    shared = 0
    for row, is_choosing, kind in zip(trial.row_N.tolist(), trial.is_choosing_N.tolist(), trial.kind, strict=True):
        group = int(gallery.group_R[row])
        if kind == "hard" and group in half_of:
            shared += 1
            assert is_choosing == half_of[group]
        elif kind == "hard":
            assert is_choosing == (hash_rank(gallery.groups[group], "choosing") % 2 == 1)
    assert shared == 5

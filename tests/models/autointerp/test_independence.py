"""What a label is scored on shares nothing with what it was made from: no document, near copy or window."""

import pyarrow as pa
from example_rows import example

from models.autointerp.example_set import ExampleSet
from models.features.scoring_half import is_in_scoring_half
from storage.table_schemas.example import SCHEMA as EXAMPLE

SCORING = [f"d{i}" for i in range(200) if is_in_scoring_half(f"d{i}")]
EXPLAINING = [f"d{i}" for i in range(200) if not is_in_scoring_half(f"d{i}")]


def window(rank: int, document: str, tokens: list[str], feature: int = 0) -> dict:
    return example(feature, "interval", rank, tokens, 1.0, 0) | {"document_id": document, "context_id": rank}


def examples(*rows: dict, near_copy_group: dict[str, str] | None = None) -> ExampleSet:
    return ExampleSet.of(pa.Table.from_pylist(list(rows), schema=EXAMPLE), 0, near_copy_group)


def tokens(made: ExampleSet, rows: list[int]) -> list[str]:
    return ["".join(made.window(row)[0]) for row in rows]


def test_all_windows_of_a_document_are_on_one_side():
    rows = [window(i, document, [f"t{i}"]) for i, document in enumerate([SCORING[0], EXPLAINING[0]] * 10)]
    made = examples(*rows)
    assert tokens(made, made.for_scoring(0).tolist()) == [f"t{i}" for i in range(0, 20, 2)]
    assert sorted(tokens(made, made.for_explaining(0).tolist())) == sorted(f"t{i}" for i in range(1, 20, 2))


def test_near_copies_are_on_one_side():
    group = {EXPLAINING[0]: SCORING[0], SCORING[0]: SCORING[0]}
    rows = [window(0, SCORING[0], ["a"]), window(1, EXPLAINING[0], ["b"]), window(2, EXPLAINING[1], ["c"])]
    made = examples(*rows, near_copy_group=group)
    assert tokens(made, made.for_scoring(0).tolist()) == ["a", "b"]
    assert tokens(made, made.for_explaining(0).tolist()) == ["c"]


def test_a_window_that_a_label_may_be_made_from_scores_nothing():
    seen, other = ["def", " f"], ["def", " g"]
    rows = [
        window(0, EXPLAINING[0], seen),
        window(1, SCORING[0], seen),
        window(2, SCORING[1], other),
        window(3, SCORING[2], seen, feature=1),
        window(4, EXPLAINING[1], ["class"], feature=1),
    ]
    made = examples(*rows)
    assert tokens(made, made.for_scoring(0).tolist()) == ["def g"]
    assert tokens(made, made.for_scoring(1).tolist()) == ["def f"], "another feature's label was made without it"

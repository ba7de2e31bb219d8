"""The label of top_tokens is the tokens that hold most activation in the windows for explaining."""

import pyarrow as pa
from example_rows import example, in_context

from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.explainers.top_tokens import TopTokensExplainer
from models.autointerp.lexical.rule_language import parse_label
from models.features.scoring_half import is_in_scoring_half
from storage.table_schemas.example import SCHEMA as EXAMPLE

EXPLAINING = [context for context in range(200) if not is_in_scoring_half(f"d{context}")]
SCORING = [context for context in range(200) if is_in_scoring_half(f"d{context}")]


def window(context: int, activations: dict[str, float], rank: int) -> dict:
    row = example(0, "top", rank, list(activations), max(activations.values()))
    values = list(activations.values())
    return row | in_context(context) | {"activations": values, "peak": values.index(max(values))}


def label_of(*rows: dict) -> str | None:
    gallery = ExampleSet.of(pa.Table.from_pylist(list(rows), schema=EXAMPLE))
    [explanation] = TopTokensExplainer().explain(ExplainerInputs(gallery), gallery.features)
    return explanation.label


def test_tokens_come_by_the_activation_that_they_hold_in_all():
    rows = [window(EXPLAINING[i], {" b": 2.0, "a": 3.0, "silent": 0.0}, i) for i in range(2)]
    rows.append(window(EXPLAINING[2], {"b": 5.0, "rare": 0.5}, 2))
    assert label_of(*rows) == "`b` or `a`", (
        "b holds 9, with and without its space, a 6, and rare less than a tenth of 9"
    )


def test_no_more_than_five_tokens_stand_in_a_label_and_a_judge_reads_them_back():
    label = label_of(window(EXPLAINING[0], {f"t{i}": 10.0 - i for i in range(8)}, 0))
    assert label == "`t0`, `t1`, `t2`, `t3` or `t4`"
    assert parse_label(label).get("token") == ("t0", "t1", "t2", "t3", "t4")


def test_what_a_label_is_judged_on_has_no_part_in_it():
    rows = [window(EXPLAINING[0], {"a": 1.0}, 0), window(SCORING[0], {"other": 9.0}, 1)]
    assert label_of(*rows) == "`a`"
    assert label_of(rows[1]) == "`other`", "there is no other window to make it from, and nothing to judge it on"

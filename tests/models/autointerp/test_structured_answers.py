"""What LLMs are shown, in which order features come, what they share of a bill, and what a plan says beforehand."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from example_rows import examples_of
from message_acts import Body, Say
from messages_server import Messages
from prompt_tags import parse, said_by

from models.autointerp.answer_schemas import LABELS
from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings
from models.autointerp.cost_estimate import DryRunLLM
from models.autointerp.explainer_inputs import TopLogits
from models.autointerp.feature_data import FeatureData
from models.autointerp.feature_selection import select_features
from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import RequestLedger
from models.autointerp.stages import label_features, rate_labels, request_rows, score_labels
from models.features.firings import Firings
from storage.folder import Folder

LLM = "claude-haiku-4-5"
SETTINGS = ExplanationSettings(explainer="anthropic", judge="anthropic", llm=LLM, budget_usd=100)
PAYER = "model/recipe"


def asking(folder: Path, **other: object) -> LabelingSetup:
    return LabelingSetup(SETTINGS.model_copy(update=other), Folder(str(folder)), PAYER)


def effects(n_features: int) -> pa.Table:
    rows = [
        {
            "feature_id": f,
            "direction": d,
            "rank": r,
            "token_id": r,
            "token": f" {d[:3]}{f}.{r}",
            "logit_weight": 1.0 - r,
        }
        for f in range(n_features)
        for d in ("negative", "positive")
        for r in range(12)
    ]
    return pa.Table.from_pylist(rows)


def test_a_logits_prompt_shows_what_the_feature_promotes_and_what_follows(server: Messages, tmp_path: Path):
    label_features(
        FeatureData(PAYER, examples_of(1), effects=effects(1)), asking(tmp_path, prompt_variants=("logits",))
    )
    [feature] = parse(said_by(server.bodies[0], "user")).all("feature")
    lists = {name: [t.text for t in feature.all(name)[0].all("token")] for name in ("promoted", "suppressed", "after")}
    assert lists["promoted"] == [f" pos0.{r}" for r in range(10)]
    assert lists["suppressed"] == [f" neg0.{r}" for r in range(10)]
    assert lists["after"] == [")"], "the token after the peak of `def f(x):`"
    assert TopLogits.by_feature(effects(2))[1].promoted[:2] == [" pos1.0", " pos1.1"]


def test_a_contrastive_prompt_shows_windows_of_near_features_in_which_it_is_silent(server: Messages, tmp_path: Path):
    """Feature 1 fires with feature 0; of its windows those in which feature 0 fires as well are no near misses."""
    tokens = [[f"of{r['feature_id']} ctx{r['context_id']}"] * len(r["tokens"]) for r in examples_of(2).to_pylist()]
    table = examples_of(2)
    flat = pa.array(tokens, pa.list_(pa.string()))
    table = table.set_column(table.schema.get_field_index("tokens"), "tokens", flat)
    near = pa.table(
        {
            "feature_id": pa.array([0], pa.int32()),
            "kind": ["cofiring_jaccard"],
            "rank": pa.array([0], pa.int32()),
            "other_feature_id": pa.array([1], pa.int32()),
            "value": [0.5],
        }
    )
    mine = [r for r in table.to_pylist() if r["feature_id"] == 1 and r["kind"] != "control"]
    loud = mine[0]["context_id"]
    feature, context, position = (np.array([value]) for value in (0, loud, 7))
    codes = Firings(feature, context, position, np.array([1.0], np.float32), 2, 10, 0, 10**6)
    material = FeatureData(PAYER, table, neighbors=near, codes=lambda: [codes])
    label_features(material, asking(tmp_path, prompt_variants=("contrastive",), features=(0,)))
    [feature] = parse(said_by(server.bodies[0], "user")).all("feature")
    silent = {element.text.split("of")[1] for element in feature.all("silent")}
    assert silent
    assert all(text.startswith("1 ctx") for text in silent)
    assert f"1 ctx{loud}" not in silent
    assert feature.all("silent")[0].all("peak") == [], "nothing is marked in a near miss"


def test_only_the_strongest_windows_are_shown_when_asked(server: Messages, tmp_path: Path):
    label_features(FeatureData(PAYER, examples_of(1)), asking(tmp_path, example_selection="top"))
    label_features(FeatureData(PAYER, examples_of(1)), asking(tmp_path, example_selection="intervals"))
    n = [len(parse(said_by(body, "user")).all("feature")[0].all("window")) for body in server.bodies]
    assert 0 < n[0] < n[1]


def n_features(body: Body) -> int:
    return len(parse(said_by(body, "user")).all("feature"))


def answered_last(n: int) -> Callable[[int, Body], Say]:
    """Answers the first question at once, and of those that come together the one about n features after the other."""
    first, other = threading.Event(), threading.Event()

    def script(number: int, body: Body) -> Say:
        if not first.is_set():
            first.set()
        elif n_features(body) == n:
            assert other.wait(60)
        else:
            threading.Timer(0.3, other.set).start()
        return Say(input_tokens=1001 * n_features(body) + 1, output_tokens=53, cache_read_input_tokens=100)

    return script


def test_features_that_share_a_question_share_its_bill_to_the_token(server: Messages, tmp_path: Path):
    """Seven features are three questions, of 3, 3 and 1; the first goes alone, the other two come and end in either
    order, and who pays what is the same."""
    price, bills = price_of(LLM), []
    of_three, of_one = price.cost(3004, 53, 0, 100), price.cost(1002, 53, 0, 100)
    for n_of_the_last in (1, 3):
        folder, before = tmp_path / str(n_of_the_last), len(server.bodies)
        server.script = answered_last(n_of_the_last)
        made = label_features(FeatureData(PAYER, examples_of(7)), asking(folder, features_per_request=3))
        assert sorted(n_features(body) for body in server.bodies[before:]) == [1, 3, 3]
        last = max(made.answers, key=lambda answer: answer.answered_at or "")
        assert last.input_tokens == 1001 * n_of_the_last + 1, "the order is not the one that was forced"
        rows = made.rows.to_pylist()
        assert {row["label"] for row in rows} == {"words about `testing`"}
        assert sorted(row["input_tokens"] for row in rows) == [1034, 1034, 1035, 1035, 1035, 1035, 1102]
        assert sorted(row["output_tokens"] for row in rows) == [17, 17, 18, 18, 18, 18, 53]
        assert sorted(row["cost_usd"] for row in rows) == pytest.approx(
            sorted([of_three / 3] * 6 + [of_one]), abs=1e-12
        )
        paid = request_rows(Folder(str(folder)), PAYER, ["explain"], made.answers)["explain"]
        assert sum(paid["tokens"].to_pylist()) == 2 * (3004 + 153) + 1002 + 153
        assert sum(paid["cost_usd"].to_pylist()) == pytest.approx(2 * of_three + of_one, abs=1e-12)
        bills.append(made.rows.select(["feature_id", "input_tokens", "output_tokens", "cost_usd"]))
    assert bills[0].equals(bills[1])


def test_windows_of_several_labels_are_judged_together_and_kept_apart(server: Messages, tmp_path: Path):
    labels = label_features(FeatureData(PAYER, examples_of(6)), asking(tmp_path)).rows
    alone = rate_labels(FeatureData(PAYER, examples_of(6)), labels, asking(tmp_path)).rows
    before = len(server.bodies)
    four = rate_labels(FeatureData(PAYER, examples_of(6)), labels, asking(tmp_path, features_per_request=4)).rows
    assert len(server.bodies) - before == 2
    assert four.equals(alone)


def test_long_instructions_are_asked_to_be_kept_and_short_ones_are_not():
    long, short = "word " * 5 * 4096, "word " * 4000
    for system, kept in ((long, True), (short, False)):
        body = Request.structured("explain", LLM, system, "content", {}, 10, price_of(LLM)).body
        assert (not isinstance(body["system"], str)) == kept
    price = price_of(LLM)
    assert price.cost(0, 0, 1_000_000, 0) == pytest.approx(1.25)
    assert price.cost(0, 0, 0, 1_000_000) == pytest.approx(0.1)
    assert price.cost(1_000_000, 1_000_000, batched=True) == pytest.approx(3.0)


STRENGTHS = {0: 1.0, 1: 5.0, 2: 3.0, 3: 5.0}
DENSITIES = {0: 0.4, 1: 0.1, 2: 0.2, 3: 0.1}
NEAR = pa.table(
    {
        "feature_id": [2, 2, 0, 3],
        "kind": ["decoder_cosine"] * 4,
        "rank": [1, 0, 0, 0],
        "other_feature_id": [3, 0, 1, 9],
    }
)


@pytest.mark.parametrize(
    ("given", "requested", "expected"),
    [
        ({"features": "all"}, (), [1, 3, 2, 0]),
        ({"features": 2}, (), [1, 3]),
        ({"features": 2, "priority": "density"}, (), [0, 2]),
        ({"features": 2}, (0,), [0, 1, 3]),
        ({"features": (3, 0)}, (2,), [2, 3, 0]),
        ({"features": 3, "priority": "neighbors"}, (2,), [2, 0, 3]),
        ({"features": "all", "priority": "neighbors"}, (2,), [2, 0, 3, 1]),
        ({"features": "all", "priority": "neighbors"}, (), [1, 3, 2, 0]),
    ],
)
def test_which_features_come_first(given: dict, requested: tuple[int, ...], expected: list[int]):
    settings = ExplanationSettings.model_validate(given)
    assert select_features(settings, STRENGTHS, DENSITIES, NEAR, requested) == expected


def test_naming_a_feature_that_never_fires_is_an_error_and_one_that_died_since_is_passed_over():
    with pytest.raises(ValueError, match=r"features 7, 9 were asked for, but never fire or do not exist"):
        select_features(ExplanationSettings(features=(7, 1, 9)), STRENGTHS, DENSITIES, None)
    assert select_features(ExplanationSettings(features=2), STRENGTHS, DENSITIES, None, (7, 0)) == [0, 1, 3]


def test_a_feature_that_is_asked_for_besides_changes_no_question_of_the_others(server: Messages, tmp_path: Path):
    """Three share a question: were all of them shifted by one, all would be asked, and paid for, again."""

    def run(requested: tuple[int, ...]) -> None:
        askers = asking(tmp_path, features_per_request=3, features=6, scorers=("detection", "output"))
        material = FeatureData(PAYER, examples_of(9), effects=effects(9))
        labels = label_features(material, askers, requested).rows
        score_labels(material, labels, rate_labels(material, labels, askers).rows, askers)

    run(())
    before = len(server.bodies)
    run((1,))
    new = [len(parse(said_by(body, "user")).all("feature")) for body in server.bodies[before:]]
    assert new == [1, 1, 1, 1], "to explain, rate, detect and choose: the new one alone"


def test_a_plan_counts_what_is_then_asked_and_asks_nothing(server: Messages, tmp_path: Path):
    material, ledger = FeatureData(PAYER, examples_of(5), effects=effects(5)), Folder(str(tmp_path))
    settings = SETTINGS.model_copy(update={"scorers": ("detection", "output")})
    plan = DryRunLLM(LLM, price_of(LLM), RequestLedger.read(ledger))
    planned = label_features(material, LabelingSetup(settings, ledger, PAYER, lambda _: plan)).rows
    assert server.bodies == []
    assert set(planned["status"].to_pylist()) == {"planned"}
    real = label_features(material, LabelingSetup(settings, ledger, PAYER)).rows
    rated = rate_labels(material, real, LabelingSetup(settings, ledger, PAYER)).rows
    score_labels(material, real, rated, LabelingSetup(settings, ledger, PAYER))
    plan = DryRunLLM(LLM, price_of(LLM), RequestLedger.read(ledger))
    askers = LabelingSetup(settings, ledger, PAYER, lambda _: plan)
    planned = label_features(material, askers).rows
    score_labels(material, planned, rate_labels(material, planned, askers).rows, askers)
    assert planned.equals(real), "what is in the ledger needs no plan"
    counts = {e.purpose: (e.n_requests, e.n_answered, e.live_usd) for e in plan.estimates()}
    assert counts == dict.fromkeys(("explain", "specificity", "detection", "output"), (5, 5, 0.0))
    assert len(server.bodies) == 20


def test_a_plan_learns_tokens_from_the_ledger(server: Messages, tmp_path: Path):
    server.script = lambda number, body: Say(input_tokens=500, output_tokens=21)
    ledger = Folder(str(tmp_path))
    label_features(FeatureData(PAYER, examples_of(3)), asking(tmp_path))
    plan = DryRunLLM(LLM, price_of(LLM), RequestLedger.read(ledger))
    label_features(FeatureData(PAYER, examples_of(9)), LabelingSetup(SETTINGS, ledger, PAYER, lambda _: plan))
    [line] = plan.estimates()
    assert (line.n_requests, line.n_answered, line.output_tokens) == (9, 3, 6 * 21)
    assert line.input_tokens == pytest.approx(6 * 500, rel=0.05), "features of other strengths have other prompts"
    assert line.batch_usd == pytest.approx(line.live_usd / 2)


def test_a_label_of_two_explainers_is_two_rows(server: Messages, tmp_path: Path):
    both = asking(tmp_path, explainer=("lexical", "anthropic"), prompt_variants=("activations", "logits"))
    rows = label_features(FeatureData(PAYER, examples_of(3), effects=effects(3)), both).rows.to_pylist()
    made_by = [("lexical", None), ("anthropic", "activations"), ("anthropic", "logits")]
    assert [(row["explainer"], row["prompt"]) for row in rows] == made_by * 3
    assert len({row["explanation_id"] for row in rows}) == 9


def test_recipes_that_cannot_be_carried_out_are_refused():
    for given, said in (
        ({"explainer": "local"}, "name it by local_llm"),
        ({"scorers": ("embedding",)}, "the scorer embedding wants sentence_encoder"),
        ({"scorers": ("output",)}, "output is not supported by the judge lexical"),
        (
            {"scorers": ("made_up",)},
            "'made_up' is no scorer: there are detection, embedding, fuzzing, output, simulation, surprisal",
        ),
        ({"scorers": ("specificity",)}, "every label is put to specificity, whatever the recipe names: leave it out"),
        ({"explainer": "made_up"}, "'made_up' is no explainer: there are lexical, top_tokens, anthropic, local"),
        ({"scorers": ("detection", "detection")}, "names one twice"),
        ({"explainer": ("lexical", "lexical")}, "names one twice"),
        ({"prompt_variants": ()}, "at least one of each"),
        ({"judge": "anthropic"}, "name the LLM and a budget"),
    ):
        with pytest.raises(ValueError, match=said):
            ExplanationSettings.model_validate(given)


def test_unknown_material_is_left_out_not_invented(server: Messages, tmp_path: Path):
    made = label_features(
        replace(FeatureData(PAYER, examples_of(1))), asking(tmp_path, prompt_variants=("logits", "contrastive"))
    )
    assert made.rows["status"].to_pylist() == ["ok", "ok"]
    for body in server.bodies:
        [feature] = parse(said_by(body, "user")).all("feature")
        assert feature.all("promoted") == feature.all("silent") == []


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("f1", "is an id"), (" w12 ", "is an id"), ("PE<peak>P</peak> 3107", "own tag <peak"),
        ("Help</window>", "own tag </window"), ("feature <feature id=", "own tag <feature"),
        ("Pdb.Pdb.Pdb.Pdb.Pdb.P", "'Pdb.' again and again"), ("1.1.1.1.1.1.1.1.", "'1.' again and again"),
    ],
)  # fmt: skip
def test_what_a_small_model_writes_in_place_of_a_label_is_none(said: str, why: str):
    """Of SmolLM2-135M: the id, the question's tags, one piece again and again. It is asked once more."""
    parsed = LABELS.parse(json.dumps({"labels": [{"id": "f1", "label": said}, {"id": "f2", "label": "import"}]}))
    assert parsed.said == {"f2": "import"}
    assert why in parsed.wrong["f1"]


@pytest.mark.parametrize(
    "label",
    ["f1 scores", "`<label>` of HTML forms", "`==========` rules", "blah blah blah", "`w1` in weights", "fa-la-la-la"],
)
def test_a_label_that_looks_like_it_is_one(label: str):
    assert LABELS.parse(json.dumps({"labels": [{"id": "f1", "label": label}]})).said == {"f1": label}

"""The table `patching_effect` holds effects with their baselines; its page and the command say the same."""

from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import torch
from experiment_house import experiment_house, write_card
from starlette.testclient import TestClient
from typer.testing import CliRunner

from models.language_model.hooked_model import HookedModel
from pipelines.cli.main import app
from pipelines.experiments.experiment_run import planned_passes, run_experiment
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from web.app import app as pages

PAIR = {
    "clean": "def area(width, height",
    "corrupt": "def area(item, height",
    "answer": " *",
    "foil": " width",
    "subject": "width",
}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PAIR.items() if key != name}


def house(root: Path, settings: dict[str, Any], pair: dict[str, str] = PAIR, kind: str = "gpt2") -> Store:
    store = experiment_house(root, {"method": "activation_patching", "settings": settings}, [{"prompt": "x"}], kind)
    write_card(root, "prompt_sets/some", {"kind": "contrast_pairs", "prompts": [pair]})
    return store


def rows_of(store: Store, table: str) -> list[dict[str, Any]]:
    run_experiment(store, store.experiment("m/asked"))
    return store.tables.read_rows(store.layout.table_at(table, model_id="m", experiment_id="asked"))


def test_effects_stand_with_their_baselines_and_the_page_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = {"directions": ["denoising", "noising"], "sites": ["resid_pre", "mlp_out", "z", "attn_pattern"]}
    store = house(tmp_path, settings)
    plan = planned_passes(store, store.experiment("m/asked"))
    rows = rows_of(store, "patching_effect")
    with dg.instance_for_test():
        assert not publish_store(store).violations
    with closing(duckdb.connect(store.published, read_only=True)) as con:
        [(n_forward, n_backward, tokens, corrupt, answer, foil)] = con.execute(
            "select n_forward, n_backward, tokens, corrupt_tokens, answer_token_id, foil_token_id "
            "from experiment join prompt using (model_id, experiment_id)"
        ).fetchall()
        [whole] = con.execute(
            "select sum(effect), any_value(clean_metric - corrupt_metric) from patching_effect where method = 'exact' "
            "and direction = 'denoising' and site = 'resid_pre' and layer = 0"
        ).fetchall()
    host, n = HookedModel.load(str(tmp_path / "weights"), device="cpu"), len(tokens)
    first = next(place for place in range(n) if tokens[place] != corrupt[place])
    places = 3 * (2 * (n - first) + 2 * 4)
    assert (plan.passes.forward, plan.passes.backward) == (n_forward, n_backward)
    assert n_backward == 2 * (1 + 4 * 3 * 8)
    assert n_forward == 2 + 2 * places + n_backward
    assert len(rows) == 2 * 3 * 3 * (2 * n + 2 * 4)
    metrics = []
    for text in (tokens, corrupt):
        ids = torch.tensor([host.tokenizer("".join(text))["input_ids"]])
        with torch.no_grad():
            logits_V = host.model(input_ids=ids).logits[0, -1]
        metrics.append(float(logits_V[answer] - logits_V[foil]))
    clean, corrupted = metrics
    for row in rows:
        assert (row["clean_metric"], row["corrupt_metric"]) == (
            pytest.approx(clean, abs=1e-5),
            pytest.approx(corrupted, abs=1e-5),
        )
        sign = 1 if row["direction"] == "denoising" else -1
        share = row["effect"] / (sign * (clean - corrupted))
        assert row["normalized_effect"] == pytest.approx(share, rel=1e-3, abs=1e-6)
        if row["position"] is not None and row["position"] < first:
            assert row["effect"] == 0
    assert whole[1] == pytest.approx(clean - corrupted, abs=1e-5)
    page = TestClient(pages(Path(store.published))).get("/experiments/m/asked").text
    assert page.count("<caption>") == 2 * 4
    assert "How well the approximations agree with patching itself" in page
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    asked = ["patch", "m", PAIR["clean"], PAIR["corrupt"], "--answer", " *", "--foil", " width"]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert f"clean {clean:.4f}, corrupt {corrupted:.4f}" in shown.output
    assert "z: heads" in shown.output
    one = CliRunner().invoke(app, [*asked, "--sites", "mlp_out"])
    assert one.exit_code == 0, one.output
    assert "mlp_out" in one.output
    assert "heads" not in one.output
    assert CliRunner().invoke(app, ["patch", "m", "def", "--answer", " *"]).exit_code == 2
    assert "method: activation_patching" in CliRunner().invoke(app, [*asked, "--card"]).output


def test_a_place_s_share_over_prompts_is_the_ratio_of_sums_with_an_interval(tmp_path: Path):
    store = house(tmp_path, {"methods": ["attribution"], "sites": ["resid_pre", "z"], "agreement_sample": 2})
    second = {"clean": "x = [a, b", "corrupt": "x = (a, b", "answer": " *", "foil": " width"}
    write_card(tmp_path, "prompt_sets/some", {"kind": "contrast_pairs", "prompts": [PAIR, second]})
    means, rows = rows_of(store, "patching_mean"), rows_of(store, "patching_effect")
    spans = {row["prompt_id"]: row["clean_metric"] - row["corrupt_metric"] for row in rows}
    [head] = [row for row in means if (row["method"], row["layer"], row["head"]) == ("attribution", 1, 2)]
    of_head = [row for row in rows if (row["method"], row["layer"], row["head"]) == ("attribution", 1, 2)]
    assert head["share"] == pytest.approx(sum(row["effect"] for row in of_head) / sum(spans.values()))
    assert head["share_ci_low"] <= head["share"] <= head["share_ci_high"]
    assert (head["n_prompts"], head["place"]) == (2, "all")
    streams = [row for row in means if row["site"] == "resid_pre" and row["method"] == "attribution"]
    assert {row["place"] for row in streams} == {"first_changed", "last"}
    assert {row["n_prompts"] for row in streams} == {2}


def test_without_exact_a_sample_is_patched_all_the_same_to_measure_the_agreement(tmp_path: Path):
    store = house(tmp_path, {"methods": ["attribution"], "sites": ["mlp_out", "z"], "agreement_sample": 21})
    rows = rows_of(store, "patching_effect")
    exact = [row for row in rows if row["method"] == "exact"]
    assert len(exact) == 21
    estimated = {(row["site"], row["layer"], row["head"], row["position"]) for row in rows if row["method"] != "exact"}
    assert {(row["site"], row["layer"], row["head"], row["position"]) for row in exact} < estimated
    agreement = rows_of(store, "patching_agreement")
    assert [(row["site"], row["method"]) for row in agreement] == [
        (None, "attribution"), ("mlp_out", "attribution"), ("z", "attribution"),
    ]  # fmt: skip
    assert agreement[0]["n_places"] == agreement[1]["n_places"] + agreement[2]["n_places"] == 21
    assert agreement[0]["top_ten_share"] is not None


def test_causal_tracing_noises_the_subject(tmp_path: Path):
    settings = {"corruption": "noise", "noise_seeds": 3, "metric": "probability"}
    settings |= {"sites": ["resid_pre"], "methods": ["exact"]}
    rows = rows_of(house(tmp_path, settings), "patching_effect")
    whole = [row for row in rows if row["layer"] == 0 and row["position"] is not None]
    assert {row["corruption"] for row in rows} == {"noise"}
    assert rows[0]["clean_metric"] != pytest.approx(rows[0]["corrupt_metric"], rel=1e-3)
    moved = [row for row in whole if row["effect"] != 0]
    assert moved
    again = rows_of(house(tmp_path / "again", settings), "patching_effect")
    assert again == rows


@pytest.mark.parametrize(
    ("settings", "pair", "kind", "wanted"),
    [
        ({}, PAIR | {"corrupt": "def area(width, height, x"}, "gpt2", "wanted as many"),
        ({}, PAIR | {"corrupt": PAIR["clean"]}, "gpt2", "there is nothing to exchange"),
        ({}, without("foil"), "gpt2", "has no foil"),
        (
            {"corruption": "noise"},
            without("subject"),
            "gpt2",
            "no subject",
        ),
        ({"sites": ["resid_mid"]}, PAIR, "gpt_neox", "has no resid_mid"),
        ({"sites": ["z"]}, PAIR, "gptj", "its attention cannot be read"),
        ({"sites": ["attn_pattern"]}, PAIR, "gptj", "its attention cannot be read"),
        ({}, PAIR, "bert", "take a causal language model"),
    ],
)
def test_what_cannot_be_asked_is_said_before_the_first_pass(
    tmp_path: Path, settings: dict[str, Any], pair: dict[str, str], kind: str, wanted: str
):
    store = house(tmp_path, settings, pair, kind)
    with pytest.raises(ValueError, match=wanted):
        run_experiment(store, store.experiment("m/asked"))


def test_edges_stand_beside_patching_itself_with_what_they_keep(tmp_path: Path):
    settings = {"methods": ["attribution"], "sites": ["z"], "edges": ["eap", "eap_ig"], "integration_steps": 2}
    settings |= {"kept_edges": 12, "edge_sample": 20, "edge_circuits": [3, 10_000_000]}
    store = house(tmp_path, settings)
    edges, kept = (rows_of(store, table) for table in ("edge_effect", "edge_faithfulness"))
    with dg.instance_for_test():
        assert not publish_store(store).violations
    assert len([row for row in edges if row["method"] == "exact"]) == 20
    for method in ("eap", "eap_ig"):
        ranks = [row["rank"] for row in edges if row["method"] == method and row["rank"] is not None]
        assert ranks[:12] == list(range(12))
        [agreement] = [row for row in rows_of(store, "patching_agreement") if row["method"] == method]
        assert (agreement["site"], agreement["n_places"]) == ("edge", 20)
        assert agreement["pearson"] > 0.5
    n_all = kept[0]["n_all"]
    assert {(row["method"], row["n_edges"]) for row in kept} == {
        (method, n) for method in ("eap", "eap_ig", "random") for n in (3, n_all)
    }
    for row in kept:
        if row["n_edges"] == n_all and row["method"] == "random":
            assert row["value"] == pytest.approx(row["clean_metric"], abs=1e-5)
    page = TestClient(pages(Path(store.published))).get("/experiments/m/asked").text
    assert "edges are enough, chosen by denoising" in page
    assert "The strongest edges, denoising" in page
    store = house(tmp_path / "noised", settings | {"corruption": "noise"})
    with pytest.raises(ValueError, match="edges are measured between two prompts"):
        run_experiment(store, store.experiment("m/asked"))

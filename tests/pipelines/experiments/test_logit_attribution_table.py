"""The table `logit_attribution` adds up in SQL, its page shows it, and the command says the same."""

from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import torch
from experiment_house import PROMPTS, experiment_house
from starlette.testclient import TestClient
from typer.testing import CliRunner

from models.language_model.hooked_model import HookedModel
from pipelines.cli.main import app
from pipelines.experiments.experiment_run import planned_passes, run_experiment
from pipelines.store.publication import publish_store
from web.app import app as pages

FOILED = [PROMPTS[0], PROMPTS[1] | {"foil": " height"}, PROMPTS[2]]
ADDED_UP = """
    select prompt_id, any_value(logit) as logit, sum(contribution) as total, max(abs(contribution)) as largest
    from logit_attribution group by prompt_id order by prompt_id
"""


@pytest.mark.parametrize(
    "kind", ["gpt2", "gemma2", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("llama", "gpt_neox"))]
)
def test_contributions_add_up_to_the_logit_in_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    store = experiment_house(tmp_path, {"method": "logit_attribution"}, FOILED, kind)
    plan = planned_passes(store, store.experiment("m/asked"))
    run_experiment(store, store.experiment("m/asked"))
    with dg.instance_for_test():
        assert not publish_store(store).violations
    with closing(duckdb.connect(store.published, read_only=True)) as con:
        totals = con.execute(ADDED_UP).fetchall()
        asked = con.execute("select tokens, answer_token_id, foil_token_id from prompt order by prompt_id").fetchall()
        [(n_forward,)] = con.execute("select n_forward from experiment").fetchall()
    assert n_forward == plan.passes.forward == 3 * 7
    host = HookedModel.load(str(tmp_path / "weights"), device="cpu")
    for (_, logit, total, largest), (tokens, answer, foil) in zip(totals, asked, strict=True):
        ids = torch.tensor([host.tokenizer("".join(tokens), add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            logits_V = host.model(input_ids=ids).logits[0, -1].double()
        wanted = logits_V[answer] - (logits_V.mean() if foil is None else logits_V[foil])
        assert logit == pytest.approx(float(wanted), abs=1e-5)
        assert total == pytest.approx(logit, abs=2e-5 * max(1, largest))
    page = TestClient(pages(Path(store.published))).get("/experiments/m/asked").text
    assert "Direct logit attribution" in page
    assert page.count("Heads, block by block") == (0 if kind == "gemma2" else 3)
    assert "over the foil" in page
    for name, value in (("HOME", store.home), ("REGISTRY", store.registry), ("WAREHOUSE", store.warehouse)):
        monkeypatch.setenv(f"GLASSHOUSE_{name}", str(value))
    shown = CliRunner().invoke(app, ["attribute", "m", "return width", "--answer", " *", "--foil", " height"])
    assert shown.exit_code == 0, shown.output
    assert f"parts add up to {totals[1][2]:.3f}" in shown.output


def test_a_block_s_attention_is_one_part_where_the_card_says_so(tmp_path: Path):
    card = {"method": "logit_attribution", "settings": {"heads": False}}
    store = experiment_house(tmp_path, card, FOILED)
    run_experiment(store, store.experiment("m/asked"))
    rows = store.tables.read_rows(store.layout.table_at("logit_attribution", model_id="m", experiment_id="asked"))
    assert [row["layer"] for row in rows if row["component"] == "attention"] == [0, 1, 2] * 3
    assert not [row for row in rows if row["component"] == "head"]
    for number in range(3):
        mine = [row for row in rows if row["prompt_id"] == number]
        assert sum(row["contribution"] for row in mine) == pytest.approx(mine[0]["logit"], abs=1e-4)


def test_an_encoder_and_a_prompt_without_an_answer_are_refused(tmp_path: Path):
    store = experiment_house(tmp_path / "encoder", {"method": "logit_attribution"}, PROMPTS[:1], "bert")
    with pytest.raises(ValueError, match="take a causal language model"):
        run_experiment(store, store.experiment("m/asked"))
    store = experiment_house(tmp_path / "unasked", {"method": "logit_attribution"}, [{"prompt": "return"}])
    with pytest.raises(ValueError, match="this method wants the column answer"):
        run_experiment(store, store.experiment("m/asked"))

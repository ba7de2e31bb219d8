"""The view `stale_experiment` names what the cards ask for and the published file does not have."""

from contextlib import closing
from pathlib import Path

from experiment_house import PROMPTS, experiment_house, write_card

from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.publication import publish_store
from pipelines.store.store import Store
from sql.warehouse import connect


def stale(store: Store) -> list[tuple[str, str]]:
    assert not publish_store(store).violations
    with closing(connect(store.published)) as con:
        return con.execute("select experiment_id, reason from stale_experiment order by all").fetchall()


def test_it_follows_card_prompts_and_dictionary(tmp_path: Path):
    store = experiment_house(tmp_path, {"method": "logit_lens"})
    run_experiment(store, store.experiment("m/asked"))
    assert stale(store) == []
    write_card(tmp_path, "experiments/other", {"method": "logit_lens", "prompt_set": "some"})
    assert stale(store) == [("other", "never made")]
    run_experiment(store, store.experiment("m/other"))
    write_card(tmp_path, "experiments/asked", {"method": "logit_lens", "prompt_set": "some", "seed": 3})
    changed = "made from other cards, prompts, model or dictionary"
    assert stale(store) == [("asked", changed)]
    write_card(tmp_path, "prompt_sets/some", {"prompts": PROMPTS[:3]})
    assert stale(store) == [("asked", changed), ("other", changed)]
    write_card(tmp_path, "prompt_sets/some", {"source": str(tmp_path / "gone.jsonl")})
    assert stale(store) == [("asked", "cannot be asked yet"), ("other", "cannot be asked yet")]

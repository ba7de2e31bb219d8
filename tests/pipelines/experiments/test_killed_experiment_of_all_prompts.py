"""A method that takes all prompts together, killed anywhere, ends with the rows of a run that was not."""

from pathlib import Path
from typing import Any

import pytest
from experiment_house import experiment_house, write_card

from pipelines.experiments.chunk_store import ChunkStore
from pipelines.experiments.experiment_run import run_experiment
from pipelines.store.store import Store

WORDS = ("width", "height", "items", "name", "value", "found", "self", "area")
PROMPTS = [
    {"prompt": f"{one} {other}{sign}", "label": label, "group": one, "answer": " height", "foil": " name"}
    for one in WORDS
    for other in WORDS[:3]
    for sign, label in ((":", "colon"), (",", "comma"))
]
CARDS = {
    "linear_probe": {"penalties": [0.01, 0.1], "layers": [-1, 2], "edit_strengths": [1.0]},
    "steering_vector": {"layers": [0, 2], "alphas": [0, 1]},
}


class Killed(BaseException):
    """Ends a run as a signal does."""


def house(root: Path, method: str) -> Store:
    store = experiment_house(root, {"method": method, "settings": CARDS[method]})
    write_card(root, "prompt_sets/some", {"kind": "labelled", "prompts": PROMPTS})
    return store


def tables(store: Store) -> dict[str, list[dict[str, Any]]]:
    names = store.experiment("m/asked").settings.tables
    return {
        name: store.tables.read_rows(store.layout.table_at(name, model_id="m", experiment_id="asked")) for name in names
    }


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=[] if name == "steering_vector" else pytest.mark.slow) for name in CARDS]
)
def test_a_run_killed_again_and_again_makes_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str):
    keep, made, lifetime = ChunkStore.result, list[str](), 1

    def short_lived(store: ChunkStore, name: str, make: Any) -> Any:
        def noted() -> Any:
            if len(made) - begun == lifetime:
                raise Killed
            value = make()
            made.append(name)
            return value

        return keep(store, name, noted)

    begun, store = 0, house(tmp_path / "killed", method)
    with monkeypatch.context() as patched:
        patched.setattr(ChunkStore, "result", short_lived)
        for _ in range(20):
            begun = len(made)
            try:
                run_experiment(store, store.experiment("m/asked"))
                break
            except Killed:
                continue
        else:
            pytest.fail("it never came to an end")
    assert len(made) == len(set(made)) > 3
    assert not list(Path(store.layout.experiment_chunks("m", "asked").path).rglob("kept-*"))
    whole = house(tmp_path / "whole", method)
    run_experiment(whole, whole.experiment("m/asked"))
    assert tables(store) == tables(whole)
    assert all(len(rows) for name, rows in tables(whole).items() if name in ("probe_metric", "direction_effect"))

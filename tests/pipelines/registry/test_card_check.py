"""`glasshouse check-card` refuses what a run would, where the model lies on this machine."""

import json
from pathlib import Path

import pytest
from tiny_models import save_tiny

from pipelines.registry.card_check import check_card_file
from pipelines.registry.cards import InvalidCard, ModelCard, RecipeCard


def card(folder: Path, source: str, context_length: int, name: str = "card.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    corpus = f"{{source: stdlib, context_length: {context_length}}}"
    (folder / name).write_text(f"source: {source}\ncorpus: {corpus}\n")
    return folder / name


def positions(model: Path) -> int:
    config = json.loads((model / "config.json").read_text())
    return config.get("n_positions") or config["max_position_embeddings"]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_contexts_above_the_positions_are_refused_with_both_numbers(tmp_path: Path, kind: str):
    model = Path(save_tiny(kind, tmp_path / "model"))
    most = positions(model)
    assert isinstance(check_card_file(card(tmp_path / "models", str(model), most)), ModelCard)
    file = card(tmp_path / "models", str(model), most + 1)
    with pytest.raises(InvalidCard, match=rf"{file}: context_length is {most + 1:,} and .* has {most:,} posit"):
        check_card_file(file)


def test_the_bundled_model_is_compared_too(tmp_path: Path):
    with pytest.raises(InvalidCard, match="context_length is 1,000,000 and models/demo has"):
        check_card_file(card(tmp_path, "models/demo", 1_000_000))


def test_a_folder_that_is_no_model_and_a_config_that_is_none_are_said(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidCard, match=r"card\.yaml: .*empty holds no model"):
        check_card_file(card(tmp_path, str(tmp_path / "empty"), 8))
    model = Path(save_tiny("gpt2", tmp_path / "model"))
    for text in ("[]", "{", '{"model_type": ["gpt2"]}', '{"model_type": "gpt2", "n_positions": "many"}'):
        (model / "config.json").write_text(text)
        with pytest.raises(ValueError, match=str(model)):
            check_card_file(card(tmp_path, str(model), 8))


def test_a_model_of_the_hub_that_is_not_here_is_not_fetched(tmp_path: Path):
    assert isinstance(check_card_file(card(tmp_path, "somebody/some-model", 1_000_000)), ModelCard)


def test_a_recipe_is_known_by_its_folder(tmp_path: Path):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "one.yaml").write_text("site: embed\nsae: {expansion: 4, k: 2}\n")
    assert isinstance(check_card_file(tmp_path / "recipes" / "one.yaml"), RecipeCard)
    with pytest.raises(FileNotFoundError):
        check_card_file(tmp_path / "recipes" / "two.yaml")

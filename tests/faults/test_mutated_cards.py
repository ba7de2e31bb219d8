"""Cards with bytes changed, lost, doubled and moved: read as what they say, or refused by one sentence of ours."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mutations import ends_of

from pipelines.launchers.machine_card import MachineCard
from pipelines.registry.card_yaml import InvalidCard
from pipelines.registry.cards import ModelCard, RecipeCard, read_card
from pipelines.registry.experiment_cards import ExperimentCore, PromptSetCard
from pipelines.registry.feature_lists import FeatureListCard
from pipelines.registry.text_set_cards import TextSetCard

DEFAULT, MANY = 30, 15_000
LONGEST = 6_000
"""Characters of a sentence: as long as its longest part may be, and a few others."""
CARDS = {
    "model": (
        ModelCard,
        "source: models/demo\nrevision: null\ndtype: float32\nskip_first: 2\n"
        "corpus: {source: stdlib, tokens: 1_000_000, context_length: 128}\nrecipes: [mid-topk]\n",
    ),
    "recipe": (
        RecipeCard,
        "site: resid_post.@0.5\nsae: {architecture: topk, expansion: 16, k: 32}\n"
        "training: {tokens: 4_000_000, batch_tokens: 4096, learning_rate: auto, seed: 0}\n"
        "statistics: {top_examples: 20, intervals: 10, keep_feature_activations: true}\n"
        "explanations: {explainer: lexical, judge: lexical, features: all}\nquality_bounds: {max_fvu: 0.5}\n",
    ),
    "experiment": (
        ExperimentCore,
        "method: feature_circuit\nprompt_set: bracket-kinds\nmodels: [pystdlib]\nrecipe: mid-topk\nseed: 3\n",
    ),
    "prompt_set": (
        PromptSetCard,
        "kind: contrast_pairs\nprompts:\n"
        "- {clean: 'x = [1', corrupt: 'x = (1', answer: ']', foil: ')'}\n- {clean: a, corrupt: b}\n",
    ),
    "text_set": (TextSetCard, "texts:\n- {text: one, label: a}\n- {text: two, label: b, group: g}\n"),
    "list": (FeatureListCard, "title: Imports\nfeatures: [{feature: pystdlib/mid-topk/7, note: the word}]\n"),
    "machine": (MachineCard, "launcher: slurm\nnodes: 2\nprocesses: 4\ngpus: 1\ntime: '4:00:00'\nsetup: [module x]\n"),
}


def reader(kind: type) -> Callable[[bytes], str]:
    def read(body: bytes) -> str:
        try:
            card = read_card(kind, "cards/one.yaml", body.decode("utf-8", errors="replace"))
        except InvalidCard as error:
            said = str(error)
            assert said.startswith("cards/one.yaml"), said[:300]
            assert len(said) < LONGEST, said[:300]
            assert all(char.isprintable() or char == "\n" for char in said), said[:300]
            return "refused"
        assert isinstance(card, kind)
        return "read"

    return read


def tried(name: str, n: int, aside: Path) -> None:
    kind, text = CARDS[name]
    assert reader(kind)(text.encode()) == "read"
    ends = ends_of(name, text.encode(), n, reader(kind), aside)
    assert ends["refused"] > n / 4, ends
    assert ends["read"] or n == DEFAULT, ends


@pytest.mark.parametrize("name", CARDS)
def test_a_mutated_card_is_read_or_refused(name: str, tmp_path: Path):
    tried(name, DEFAULT, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", CARDS)
def test_many_mutated_cards_are_read_or_refused(name: str, tmp_path: Path):
    tried(name, MANY, tmp_path)

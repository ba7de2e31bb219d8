"""A model with an attention sink goes through the chain: found, handled, and stopped with a sentence where handling is
switched off."""

from typing import Any

import dagster as dg
import pytest
import torch
from small_house import RECIPE, small_house
from transformers import AutoModelForCausalLM

from models.activations.shards import ActivationShards
from pipelines.runs.in_process import run_partition
from pipelines.serving.model_hosts import ModelHosts
from pipelines.serving.text_features import TextFeatures, TextRequest, text_features
from sql.warehouse import connect
from storage.folder import Folder
from storage.manifest import Manifest

NORM = 60.0
FEW_LABELS = f"{RECIPE.rstrip()}\n    explanations: {{features: 1, scorers: []}}\n"


@pytest.fixture
def house(tmp_path):
    """The small house's GPT-2, whose first position has norm 60 whatever stands there."""
    store = small_house(tmp_path, FEW_LABELS)
    folder = tmp_path / "weights" / "first"
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        weight = model.transformer.wpe.weight
        weight[0] *= NORM / weight[0].norm()
    model.save_pretrained(folder)
    return store


def card(house, more: str = "") -> None:
    place = Folder(house.registry) / "models"
    text = place.read_bytes("first.yaml").decode().split("prepend_bos")[0]
    place.write_bytes("first.yaml", (text + more).encode())


def run(house, job_name: str = "full_pipeline"):
    with dg.DagsterInstance.ephemeral() as instance:
        return run_partition(house, "first/small", instance, job_name)


def ask(house, query: str):
    con = connect(house.published)
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


def read(house) -> TextFeatures:
    return text_features(ModelHosts(house), TextRequest("first", "def work(item_1):\n    return item_1\n"))


def first_fired(reading: TextFeatures) -> int:
    [dictionary] = reading.dictionaries
    return min(place for place, *_ in dictionary.activations)


def test_auto_finds_the_sink_and_every_stage_leaves_it_out(house):
    ran = run(house)
    assert (ran.success, ran.failed_checks) == (True, ())
    assert ask(house, "select candidate, n_sinks, is_chosen, skip_first from context_frame order by candidate") == [
        ("<|endoftext|>", 0, True, 0),
        ("none", 1, False, 1),
    ]
    [(special, contexts)] = ask(house, "select n_special, n_contexts from corpus")
    assert special == contexts, "one token before each context"
    shares = ask(house, "select position_first, variance_share, mean_norm from activation_profile order by 1")
    assert shares[0][0] == 1
    assert max(share for _, share, _ in shares) < 0.05 + 2 / 31
    assert max(norm for *_, norm in shares) < NORM / 2
    [(fraction, n_one)] = ask(house, "select one_position_fraction, count(*) from sae_summary group by all")
    assert (fraction < 0.05, n_one) == (True, 1)
    reading = read(house)
    assert [bool(token.left_out) for token in reading.tokens][:3] == [True, False, False]
    assert first_fired(reading) == 1, "the first text token is read: the token before it is not"


@pytest.mark.slow
def test_without_a_token_before_it_the_sink_is_skipped_everywhere(house):
    card(house, "prepend_bos: false\n")
    ran = run(house)
    assert (ran.success, ran.failed_checks) == (True, ())
    [(prefix, skip)] = ask(house, "select prefix, skip_first from context_frame")
    assert (prefix, skip) == ([], 1)
    [(special, skipped, contexts, tokens)] = ask(house, "select n_special, n_skipped, n_contexts, n_tokens from corpus")
    assert (special, skipped) == (0, contexts)
    assert ask(house, "select n_tokens + n_skipped + n_outliers from activation_site") == [(tokens,)]
    assert ask(house, "select min(position) from feature_activation") == [(1,)]
    reading = read(house)
    assert "".join(token.text for token in reading.tokens).startswith("def work"), "what is not read is shown"
    assert "skip_first" in reading.tokens[0].left_out
    assert first_fired(reading) == 1


@pytest.mark.parametrize("max_norm", ["null", "auto"])
def test_with_handling_switched_off_the_chain_stops_with_a_sentence(house, max_norm):
    """With `auto` all rows of the position are outliers, which is no better: a sink is to be named, not thinned out."""
    card(house, f"prepend_bos: false\nskip_first: 0\nmax_norm: {max_norm}\n")
    ran = run(house)
    assert not ran.success
    [check] = [check for check in ran.failed_checks if "no_position_dominates" in check]
    assert "resid_post.1: position 0 " in check
    assert "set prepend_bos: auto and skip_first: auto in the model card" in check
    assert ("left out for their norm" in check) == (max_norm == "auto")
    assert Manifest.read(Folder(house.home) / "saes" / "first" / "small") is None, "nothing was trained on it"


def test_a_card_that_skips_too_few_hears_of_it_before_the_harvest(house):
    card(house, "prepend_bos: auto\nskip_first: 0\n")
    harvested = run(house, "harvest")
    assert (harvested.success, harvested.failed_checks) == (True, ()), "the token before the text takes it on"
    card(house, "prepend_bos: '<|nothing|>'\n")
    ran = run(house, "harvest")
    assert "'<|nothing|>' is no token of this tokenizer: name one of its special tokens (<|endoftext|>)" in (
        ran.error or ""
    )


def test_rounding_that_costs_more_than_a_hundredth_of_the_variance_is_refused(house):
    """Dimensions of +-10,000, as real models have them, leave bfloat16 no digits for the others."""
    folder = house.registration("first/small").model.source
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.transformer.wpe.weight[0] *= 0.05
        model.transformer.wpe.weight[:, :4] += 1e4
    model.save_pretrained(folder)
    card(house, "prepend_bos: false\nskip_first: 0\n")
    ran = run(house)
    assert not ran.success
    [check] = [check for check in ran.failed_checks if "rounding_below_variance" in check]
    assert "resid_post.1: rounding to bfloat16 costs " in check
    assert "set shard_dtype: float32 in the model card" in check
    card(house, "prepend_bos: false\nskip_first: 0\nshard_dtype: float32\n")
    assert not [check for check in run(house, "harvest").failed_checks if "rounding" in check]
    shards = ActivationShards.open(Folder(house.home) / "activations" / "first" / "resid_post.1")
    assert shards.dtype == torch.float32

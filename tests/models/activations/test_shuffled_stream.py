"""Shuffled batches are a permutation of the kept tokens, and a pure function of seed and batch number."""

from itertools import islice

import pytest
import torch
from stored_shards import store_shards

from models.activations.shards import ActivationBatch
from models.activations.shuffled_stream import ShuffledActivations
from storage.folder import Folder


@pytest.fixture
def shuffled(tmp_path):
    """Four shards of 250 tokens, ten a context, each vector its own number; contexts divisible by 5 are left out: 800
    kept."""
    batches = []
    for first in range(0, 1000, 250):
        number_T = torch.arange(first, first + 250)
        batches.append(ActivationBatch(number_T[:, None].float(), number_T // 10, number_T % 10, number_T))
    shards = store_shards(Folder(str(tmp_path)), batches, "float32")
    kept_C = torch.arange(100) % 5 != 0
    return lambda buffer=2**30: ShuffledActivations(shards, kept_C, buffer)


@pytest.mark.parametrize("buffer", [2**30, 1, 20_000])
def test_every_kept_token_comes_once_an_epoch(shuffled, buffer):
    source = shuffled(buffer)
    seen = torch.cat(list(islice(source.batches(32, seed=0), 50))).flatten()  # two epochs of 25 batches
    kept = torch.cat(list(source.chunks())).flatten()

    assert source.n_tokens == 800
    assert torch.equal(seen[:800].sort().values, kept)
    assert torch.equal(seen[800:].sort().values, kept)
    assert not torch.equal(seen[:800], seen[800:])
    assert not (kept.long() // 10 % 5 == 0).any()


@pytest.mark.parametrize("buffer", [2**30, 1, 20_000])
@pytest.mark.parametrize("start", [1, 7, 25, 38])
def test_a_stream_begun_late_is_the_tail_of_the_whole(shuffled, buffer, start):
    whole = list(islice(shuffled(buffer).batches(37, seed=3), 45))
    late = list(islice(shuffled(buffer).batches(37, seed=3, start=start), 45 - start))
    assert torch.equal(torch.cat(whole[start:]), torch.cat(late))


def test_another_seed_gives_another_order(shuffled):
    first, second = (next(shuffled().batches(100, seed=seed)) for seed in (0, 1))
    assert not torch.equal(first, second)


def test_tokens_of_all_shards_mix_where_they_fit(shuffled):
    first = next(shuffled().batches(100, seed=0)).flatten()
    assert len((first // 250).unique()) == 4


def test_nothing_to_learn_from_is_said(shuffled):
    source = shuffled()
    with pytest.raises(ValueError, match="no token of a training document"):
        next(ShuffledActivations(source.shards, torch.zeros(100, dtype=torch.bool)).batches(8, seed=0))


def test_a_transcoder_reads_the_tokens_that_both_sites_hold(tmp_path):
    """An outlier at one site is left out there; beside each other stand the rows of the same tokens."""
    number_T = torch.arange(100)
    sites = []
    for name, missing in (("read", (3, 50)), ("written", (7, 50, 99))):
        kept = torch.tensor([i not in missing for i in range(100)])
        rows = number_T[kept]
        batch = ActivationBatch(rows[:, None].float(), rows // 10, rows % 10, rows)
        sites.append(store_shards(Folder(str(tmp_path / name)), [batch], "float32"))
    source = ShuffledActivations(sites[0], torch.arange(10) != 2, beside=(sites[1],))
    pairs = torch.cat(list(source.chunks()))
    wanted = [i for i in range(100) if i not in (3, 7, 50, 99) and i // 10 != 2]
    assert pairs.tolist() == [[i, i] for i in wanted]
    assert source.n_tokens == len(wanted)

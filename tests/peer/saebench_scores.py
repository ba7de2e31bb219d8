"""Runs in an environment that has SAEBench, not ours: its own scores of planted texts, from one file to another.

    python saebench_scores.py <in.safetensors> <folder of a dictionary> <out.json>

The input: `x_CNLD`, activations of N texts of L tokens for each of C classes, training and test, and of the SCR cells.

Axes: C classes, N texts, L tokens, D width, F features.
"""

# pyright: reportMissingImports=false
import json
import sys

import torch
from sae_bench.evals.absorption.feature_absorption_calculator import FeatureAbsorptionCalculator
from sae_bench.evals.scr_and_tpp import main as tpp
from sae_bench.evals.sparse_probing import probe_training
from sae_lens import SAE
from safetensors.torch import load_file

torch.set_num_threads(1)
torch.manual_seed(0)
source, folder, target = sys.argv[1:]
given, sae = load_file(source), SAE.load_from_disk(folder)
n_classes = given["train_CNLD"].shape[0]
train, test = ({str(c): given[f"{side}_CNLD"][c] for c in range(n_classes)} for side in ("train", "test"))
pooled = {name: {c: x.mean(1) for c, x in of.items()} for name, of in (("train", train), ("test", test))}

probes = {}
for c in train:
    probe = probe_training.Probe(given["weights_CD"].shape[1], torch.float32)
    with torch.no_grad():
        probe.net.weight[:] = given["weights_CD"][int(c)]
        probe.net.bias[:] = given["bias_C"][int(c)]
    probes[c] = probe
found = {}
with torch.no_grad():
    effects = tpp.get_all_node_effects_for_one_sae(sae, probes, list(train), False, train, 64)
    found["effects"] = {c: effect.tolist() for c, effect in effects.items()}
    ablated = {c: tpp.select_top_n_features(effects[c], int(given["n"]), c).nonzero()[:, 0].tolist() for c in train}
    found["ablated"] = ablated
    mask = torch.zeros(sae.W_dec.shape[0], dtype=torch.bool)
    mask[ablated["0"]] = True
    found["ablated_pooled"] = tpp.ablated_precomputed_activations(test["1"], sae, mask, 64).tolist()
    acts, labels = given["probing_NF"], given["probing_y"].int()
    found["mean_difference"] = (~probe_training.get_top_k_mean_diff_mask(acts, labels, 5)).nonzero()[:, 0].tolist()
# the leak: one training, told the answers of the test texts, and then the opposite of each
chance = torch.Generator().manual_seed(0)
noise, y = torch.randn(400, 64, generator=chance), torch.randint(0, 2, (400,), generator=chance, dtype=torch.int)
torch.set_grad_enabled(True)
found["accuracy_on_noise"], found["weights_on_noise"] = [], []
for answers in (y[200:], 1 - y[200:]):
    torch.manual_seed(0)
    probe, accuracy = probe_training.train_probe_gpu(
        noise[:200], y[:200], noise[200:], answers, dim=64, batch_size=16, epochs=20, lr=1e-2
    )
    found["accuracy_on_noise"].append(accuracy)
    found["weights_on_noise"].append(probe.net.weight.detach().flatten().tolist())


class Words:
    """A model whose answer is the activations that were given."""

    def __init__(self, x_WD: torch.Tensor) -> None:
        self.x_WD, self.at = x_WD, 0

    def run_with_cache(self, prompts: list, names_filter: list) -> tuple:
        mine = self.x_WD[self.at : self.at + len(prompts)]
        self.at += len(prompts)
        return None, {names_filter[0]: mine[:, None, :].expand(-1, 3, -1)}


calculator = FeatureAbsorptionCalculator(model=Words(given["words_WD"]), icl_word_list=["ab", "cd"], max_icl_examples=1)
calculator._validate_prompts_are_same_length = lambda prompts: None
words = ["word"] * len(given["words_WD"])
result = calculator.calculate_absorption(sae, words, given["direction_D"], [int(given["main"])], 0, show_progress=False)
found["fraction"] = [float(each.absorption_fraction) for each in result.word_results]
found["full"] = [bool(each.is_full_absorption) for each in result.word_results]
with open(target, "w") as file:
    json.dump(found, file)

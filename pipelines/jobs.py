"""Jobs: the parts of the chain that people run by themselves, each for one partition."""

import dagster as dg

from pipelines.sweep_job import sweep


def _job(name: str, description: str, *assets: str):
    selection = dg.AssetSelection.assets(*assets) if assets else dg.AssetSelection.all()
    return dg.define_asset_job(name, selection, description=description)


harvest = _job(
    "harvest",
    "Choose the frame of contexts, cut the corpus, store the activations of every site that the model's recipes want.",
    "context_frame",
    "corpus",
    "activations",
)
train = _job("train", "Train the dictionary and measure it on held-out documents.", "sae", "evaluation")
explain = _job(
    "explain",
    "Label features, rate and score the labels, publish.",
    "explanations",
    "specificity",
    "scores",
    "warehouse",
)
publish = _job("publish", "Publish what the store holds.", "warehouse")
everything = _job("everything", "The whole chain: what is done already is found done and takes seconds.")

jobs = [harvest, train, sweep, explain, publish, everything]

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
train = _job("train", "Train the dictionary and measure it on held-out documents.", "sae", "sae_evaluation")
label = _job(
    "label",
    "Label features, rate and score the labels, publish.",
    "explanations",
    "specificity_ratings",
    "label_scores",
    "published_warehouse",
)
publish = _job("publish", "Publish what the store holds.", "published_warehouse")
full_pipeline = _job("full_pipeline", "The whole chain: what is done already is found done and takes seconds.")

jobs = [harvest, train, sweep, label, publish, full_pipeline]

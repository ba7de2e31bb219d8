"""Jobs: the parts of the chain that people run by themselves, and the publication of what they made.

Each is a selection by group, so that an asset joins its jobs by the group that it names. All but `publish` and `sweep`
run for one partition; `publish` has none, and follows the others by the sensor `publish_updates`.
"""

import dagster as dg

from models.experiments.settings_base import method_names, settings_of
from pipelines.sweep_job import sweep


def _job(name: str, description: str, selection: dg.AssetSelection, **tags: str):
    return dg.define_asset_job(name, selection, description=description, tags=tags)


_published = dg.AssetSelection.groups("warehouse")
harvest = _job(
    "harvest",
    "Choose the frame of contexts, cut the corpus, store the activations of every site that the model's recipes want.",
    dg.AssetSelection.groups("harvest"),
)
train = _job(
    "train",
    "Train the dictionary, measure it on held-out documents and match its features with those of others.",
    dg.AssetSelection.groups("dictionary"),
)
features = _job(
    "features",
    "All that needs no labels: harvest, dictionary, statistics, examples. A publication then has every feature.",
    dg.AssetSelection.groups("harvest", "dictionary", "features"),
)
label = _job(
    "label",
    "Label features, rate and score the labels: all that a recipe's `explanations` decide. Paid answers are reused.",
    dg.AssetSelection.groups("labels"),
)
publish = _job(
    "publish",
    "Publish what the store holds, of all partitions. It goes before every run that waits.",
    _published,
    **{"dagster/priority": "1"},
)
_experiments = dg.AssetSelection.groups("experiments")
full_pipeline = _job(
    "full_pipeline",
    "The whole chain: what is done already is found done and takes seconds. The publication follows.",
    dg.AssetSelection.all() - _published - _experiments,
)
experiment_jobs = {
    method: _job(
        f"experiment_{method}",
        f"One experiment on one model, after the models that wait for their features. {settings_of(method).question}",
        dg.AssetSelection.assets(method),
        **{"dagster/priority": "-1"},
    )
    for method in method_names()
}

jobs = [harvest, train, sweep, features, label, publish, full_pipeline, *experiment_jobs.values()]

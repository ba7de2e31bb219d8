"""The experiments: an asset for each method that `models/experiments` holds."""

from models.experiments.settings_base import method_names
from pipelines.experiments.experiment_asset import experiment_asset

experiments = [experiment_asset(method) for method in method_names()]

"""Runs with a checkout of circuit-tracer: its own model of a feature file reads ours.

python circuit_tracer_feature.py <checkout> <address of the file>
"""

import importlib.util
import json
import sys
from pathlib import Path
from urllib.request import urlopen

checkout, address = sys.argv[1:]
file = Path(checkout) / "circuit_tracer/frontend/feature_models.py"
spec = importlib.util.spec_from_file_location("feature_models", file)
assert spec is not None
assert spec.loader is not None
feature_models = importlib.util.module_from_spec(spec)
spec.loader.exec_module(feature_models)
with urlopen(address) as answer:
    feature = feature_models.Model.model_validate_json(answer.read())
sys.stdout.write(json.dumps(feature.model_dump()) + "\n")

"""Runs in an environment that has Neuronpedia's own client, not ours: asks the server at an address as it asks theirs.

    python neuronpedia_client.py <address> <model> <source> <index> <text>

Prints what it understood as one line of JSON, the last.
"""

# pyright: reportMissingImports=false
import json
import os
import sys

os.environ["NEURONPEDIA_API_KEY"] = "none"
from neuronpedia.np_feature import Feature
from neuronpedia.np_sae_feature import SAEFeature
from neuronpedia.requests.activation_request import ActivationRequest
from neuronpedia.requests.base_request import NPRequest
from neuronpedia.requests.source_activation_request import SourceActivationRequest
from neuronpedia.requests.topk_by_token_request import TopKByTokenRequest

address, model, source, index, text = sys.argv[1:]
NPRequest.BASE_URL = f"{address}/api"
feature = Feature.get(model, source, int(index))
whole = json.loads(SAEFeature.get(model, source, index).jsonData)
on_text = ActivationRequest().compute_activation_for_text(model, source, index, text)
on_texts = ActivationRequest().compute_activation_for_texts(model, source, index, [text, text])
by_token = TopKByTokenRequest().compute_top_features_by_token_for_text(model, source, text)
of_text = SourceActivationRequest().compute_top_features_for_text(model, source, text)
of_texts = SourceActivationRequest().compute_top_features_for_texts(model, source, [text, text])
found = {
    "density": feature.density,
    "labels": [one.text for one in feature.explanations],
    "strongest": [max(one.values) for one in feature.activations],
    "fractions": [one.quantileFraction for one in feature.activations],
    "promoted": whole["pos_str"],
    "tokens": on_text.tokens,
    "values": on_text.values,
    "n_texts": [len(on_texts), len(of_texts)],
    "by_token": [[one.feature.index for one in token.topFeatures] for token in by_token],
    "of_text": {str(one.index): one.values for one in of_text},
}
sys.stdout.write(json.dumps(found) + "\n")

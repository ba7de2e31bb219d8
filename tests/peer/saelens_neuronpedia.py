"""Runs in an environment that has SAELens, not ours: its own helper reads a feature from the server at an address.

python saelens_neuronpedia.py <address> <model> <layer> <recipe> <index>
"""

# pyright: reportMissingImports=false
import json
import sys

from sae_lens.analysis import neuronpedia_integration

address, model, layer, recipe, index = sys.argv[1:]
neuronpedia_integration.NEURONPEDIA_DOMAIN = address
feature = neuronpedia_integration.get_neuronpedia_feature(int(index), int(layer), model, recipe)
kept = ("index", "frac_nonzero", "pos_str", "layer", "modelId")
sys.stdout.write(json.dumps({name: feature[name] for name in kept}) + "\n")

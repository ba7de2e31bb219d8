"""Neuronpedia's public dataset layout: {modelId}/{sourceId}/ with JSON lines of features, activations, explanations."""

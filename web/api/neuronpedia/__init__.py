"""Shapes that clients of Neuronpedia and of circuit-tracer read, made from rows of the warehouse."""

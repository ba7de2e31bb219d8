"""An attribution graph of another tool: no card asks for it."""

from pipelines.registry.identities.stage_identity import StageIdentity

GRAPH_IMPORT = StageIdentity("graph_import", "1")

"""What is imported from another tool's dashboards: no card asks for it."""

from pipelines.registry.identities.stage_identity import StageIdentity

DASHBOARD_IMPORT = StageIdentity("dashboard_import", "1")

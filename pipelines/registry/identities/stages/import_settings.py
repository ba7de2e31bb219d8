"""What an import reads besides the dictionary's own settings: where it may be read otherwise than its file says."""

from pipelines.registry.identities.stage_identity import StageIdentity

IMPORT_SETTINGS = StageIdentity("import_settings", None, fields=("recipe.sae.allow_mismatch",))

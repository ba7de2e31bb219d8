"""Whether a dataset is what the cards and the code now ask for, and if not, why."""

from typing import Any

from pipelines.registry.identities.declared_stages import STAGES, declared_stages
from pipelines.registry.identities.differences import differences
from pipelines.registry.identities.stage_identity import StageIdentity
from pipelines.registry.registry import SAERegistration
from pipelines.store.tables import MissingDataset
from storage.folder import Folder
from storage.manifest import Manifest

NOT_MADE = "it was there, made of the same"
NOTHING_THERE = "nothing was there"


def why_made(identity: dict[str, Any], *folders: Folder) -> str | None:
    """Why datasets that belong together have to be made, in words; None where all are there with this identity."""
    for folder in folders:
        manifest = Manifest.read(folder)
        if manifest is None:
            return NOTHING_THERE
        if manifest.identity != identity:
            return "; ".join(differences(manifest.identity, identity))
    return None


def changed_code(identity: dict[str, Any]) -> list[str]:
    """Stages whose code makes other numbers now than when a dataset was made, a phrase each."""
    now = {name: stage.code_version for name, stage in declared_stages((STAGES,)).items()}
    return differences({"code": identity["code"]}, {"code": {name: now.get(name) for name in identity["code"]}})


def current_manifest(stage: StageIdentity, registration: SAERegistration, folder: Folder) -> Manifest:
    """The manifest of what a stage made.

    Raises:
        MissingDataset: If there is none, or other cards or code were asked for when it was made: names which.
        AbsentFolder: If there is none because its bucket is gone.
    """
    manifest = Manifest.read(folder)
    if manifest is None:
        folder.require_bucket()
    changes = ["nothing is there"] if manifest is None else stage.changes(registration, manifest.identity)
    if manifest is None or changes:
        raise MissingDataset(
            f"{registration.sae_id}: {folder} is not what the cards now ask for ({'; '.join(changes)}): materialize "
            f"`{stage.name}` for this partition first"
        )
    return manifest

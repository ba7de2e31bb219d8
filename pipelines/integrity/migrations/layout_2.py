"""Manifests of before they had a sha256 of their own are sealed, once their files are found to be those they name."""

from pipelines.integrity.folder_check import FolderManifest, folder_findings
from pipelines.integrity.migration import Say
from pipelines.integrity.stored_folders import stored_folders
from pipelines.store.layout import StoreLayout

TO = 2


def migrate(layout: StoreLayout, say: Say) -> bool:
    """Whether all could be sealed; one whose files are not as they were written is said, and stays."""
    is_whole = True
    for stored in stored_folders(layout):
        found = FolderManifest.of(stored)
        if found.manifest is None or found.manifest.schema_version != 1:
            continue
        if faults := [finding for finding in folder_findings(found) if finding.is_wrong]:
            say(f"not sealed: {faults[0]}")
            is_whole = False
        else:
            found.manifest.write(stored.folder)
            say(f"sealed {stored.place}")
    return is_whole

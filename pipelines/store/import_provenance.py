"""Whether an imported dictionary is read where its file says that it belongs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.registry.registry import SAERegistration
from pipelines.store.model_loading import load_block_points, load_limits
from pipelines.store.open_store import OpenStore
from pipelines.store.tables import MissingDataset
from storage.verified_folder import VerifiedFolder

if TYPE_CHECKING:
    from models.interchange.provenance import Mismatch
    from models.interchange.sae_import import ImportedDictionary

KEY = "sae.allow_mismatch"


class OtherProvenance(ValueError):
    """A dictionary was made for another place than the recipe reads. Correct the cards, or allow it there."""


def read_import(registration: SAERegistration) -> "ImportedDictionary":
    """The dictionary that the recipe imports, at the revision that it was resolved to; one of a store of this house is
    compared with its manifest."""
    from models.interchange.sae_import import fetch, read_foreign
    from models.interchange.set_import import read_block
    from models.language_model.sites import Site

    asked = registration.recipe.sae
    assert asked.imported is not None
    revision = registration.imported if asked.imported.startswith("hf:") else None
    folder = fetch(asked.imported, revision)
    block = Site.parse(registration.recipe.site).layer if registration.set_id is not None else None
    if block is not None and (found := read_block(folder, block, asked.format)) is not None:
        return found
    return read_foreign(VerifiedFolder.open(folder) or folder, asked.format)


def refuse_other_provenance(store: OpenStore, registration: SAERegistration) -> None:
    """Compares what is known before the model is run; a recipe that imports nothing passes.

    Raises:
        OtherProvenance: If something differs that the recipe does not allow.
    """
    if registration.recipe.sae.imported is None:
        return
    sites, depth = registration.recipe.sites, None
    if any("@" in site for site in sites) and (depth := load_limits(registration).n_layers) is None:
        return
    allowed_mismatches(store, registration, read_import(registration).facts, [_resolved(site, depth) for site in sites])


def allowed_mismatches(
    store: OpenStore, registration: SAERegistration, facts: Mapping[str, Any], sites: Sequence[str]
) -> "list[Mismatch]":
    """What the file names otherwise than the cards, all of it allowed by the recipe.

    Args:
        facts: Of an `ImportedDictionary`.
        sites: Those of the recipe, with their blocks as numbers.

    Raises:
        OtherProvenance: If something differs that the recipe does not allow.
    """
    from models.interchange.provenance import ReadingConditions, mismatches, told
    from models.language_model.sites import Site

    model, asked = registration.model, registration.recipe.sae
    used = ReadingConditions(
        model=model.source,
        revisions=(*filter(None, [model.revision]), registration.revision),
        site=Site.parse(sites[0]),
        output_site=Site.parse(sites[-1]),
        context_length=model.context_length,
        prepend_bos=_prepends_bos(store, registration),
        points=lambda: load_block_points(registration),
    )
    found = mismatches(facts, used)
    if refused := [one for one in found if one.field not in asked.allow_mismatch]:
        raise OtherProvenance(
            f"{registration.sae_id}: by its file, {asked.imported} was made for another place than the cards read "
            f"({told(refused)}): correct the cards, or read it all the same by `{KEY}: "
            f"[{', '.join(_fields(found))}]` in the recipe"
        )
    return found


def _fields(found: "Iterable[Mismatch]") -> list[str]:
    return list(dict.fromkeys(one.field for one in found))


def _resolved(site: str, depth: int | None) -> str:
    from models.language_model.sites import Site

    return site if depth is None else str(Site.parse(site).resolve(depth))


def _prepends_bos(store: OpenStore, registration: SAERegistration) -> bool | None:
    """Whether a token stands before each context; None where `auto` has not decided yet."""
    asked = registration.model.prepend_bos
    if asked != "auto":
        return asked is not False
    try:
        return bool(store.datasets.frame(registration).prefix)
    except MissingDataset:
        return None

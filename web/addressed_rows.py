"""The dictionary and the feature that an address names, or a sentence that says what there is."""

from difflib import get_close_matches
from types import SimpleNamespace

from web.error_pages import NotFound
from web.formatting import visible_text
from web.query_files import queries
from web.urls import feature_url, parse_id, sae_url
from web.warehouse_file import WarehouseSnapshot


def find_sae(snapshot: WarehouseSnapshot, model_id: str, recipe_id: str) -> SimpleNamespace:
    """The row of a dictionary.

    Raises:
        NotFound: If there is none: the sentence names similar ones.
    """
    rows = snapshot.ask(queries()["sae"], {"model_id": model_id, "recipe_id": recipe_id})
    if rows:
        return rows[0]
    saes = {f"{row.model_id}/{row.recipe_id}": row for row in snapshot.ask(queries()["saes"], {})}
    similar = get_close_matches(f"{model_id}/{recipe_id}"[:200], saes, n=5, cutoff=0.3) or list(saes)[:5]
    raise NotFound(
        f"there is no dictionary {visible_text(f'{model_id}/{recipe_id}')} in this warehouse",
        [(name, sae_url(saes[name].model_id, saes[name].recipe_id)) for name in similar],
    )


def parse_feature_id(sae_row: SimpleNamespace, text: str) -> int:
    """The number of a feature of a dictionary.

    Raises:
        NotFound: If it has none of that number.
    """
    feature_id, width = parse_id(text), sae_row.n_features
    if feature_id is not None and feature_id < width:
        return feature_id
    ends = sorted({0, max(0, width - 1)})
    raise NotFound(
        f"{sae_row.model_id}/{sae_row.recipe_id} has {width:,} features, numbered from 0 to {width - 1:,}: "
        f"there is no feature {visible_text(text)}",
        [(f"feature {end}", feature_url(sae_row.model_id, sae_row.recipe_id, end)) for end in ends] + sae_link(sae_row),
    )


def sae_link(sae_row: SimpleNamespace) -> list[tuple[str, str]]:
    """A dictionary as what a sentence suggests: its name and its page."""
    return [(f"{sae_row.model_id}/{sae_row.recipe_id}", sae_url(sae_row.model_id, sae_row.recipe_id))]

"""Feature pages as files: the same panels without a server, a script or a network, to send or to keep."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup

from web.panel_templates import FOLDER, environment, panels
from web.query_files import queries
from web.urls import feature_url, sae_url
from web.warehouse_file import WarehouseSnapshot

_LINK = re.compile(r'<a href="(/[^"]*)">(.*?)</a>', re.DOTALL)


def export(published: Path, sae: str, features: Sequence[int], out: Path) -> list[Path]:
    """Writes the pages of chosen features; the same warehouse gives the same bytes.

    Args:
        published: The warehouse.
        sae: The dictionary, as model/recipe.
        features: Their numbers; each is written once, in the order given.
        out: One self-contained file where it ends in `.html`, else a folder with a file for each feature and an index.

    Returns:
        The files that were written.

    Raises:
        ValueError: If there is no such dictionary or feature, or no warehouse that can be read.
    """
    snapshot, chosen = WarehouseSnapshot(published), list(dict.fromkeys(features))
    sae_row = _sae_row(snapshot, sae, chosen)
    pages = [_page(snapshot, sae_row, feature_id) for feature_id in chosen]
    shared = {"published_at": snapshot.published_at, "heading": f"Features of {sae}"}
    if out.suffix == ".html":
        contents = [(f"Feature {at}", f"#feature-{at}", label) for at, label, _ in pages]
        addresses = {feature_url(sae_row.model_id, sae_row.recipe_id, at): f"#feature-{at}" for at in chosen}
        return [
            _write_page(
                out, addresses, contents=contents, features=[(at, sections) for at, _, sections in pages], **shared
            )
        ]
    addresses = {feature_url(sae_row.model_id, sae_row.recipe_id, at): f"feature-{at}.html" for at in chosen}
    addresses[sae_url(sae_row.model_id, sae_row.recipe_id)] = "index.html"
    contents = [(f"Feature {at}", f"feature-{at}.html", label) for at, label, _ in pages]
    index = _write_page(out / "index.html", addresses, contents=contents, features=[], **shared)
    each = [
        _write_page(out / f"feature-{at}.html", addresses, contents=[], features=[(at, sections)], **shared)
        for at, _, sections in pages
    ]
    return [index, *each]


def _sae_row(snapshot: WarehouseSnapshot, sae: str, features: Sequence[int]) -> SimpleNamespace:
    model_id, _, recipe_id = sae.partition("/")
    rows = snapshot.ask(queries()["sae"], {"model_id": model_id, "recipe_id": recipe_id})
    if not rows:
        names = ", ".join(f"{row.model_id}/{row.recipe_id}" for row in snapshot.ask(queries()["saes"], {}))
        raise ValueError(f"there is no dictionary {sae!r} in this warehouse: it has {names or 'none'}")
    if beyond := [at for at in features if not 0 <= at < rows[0].n_features]:
        raise ValueError(
            f"{sae} has features 0 to {rows[0].n_features - 1}, not {', '.join(map(str, beyond[:5]))}: "
            "name some of those"
        )
    if not features:
        raise ValueError("no feature was named: give their numbers, such as 7,12,900")
    return rows[0]


def _page(snapshot: WarehouseSnapshot, sae: SimpleNamespace, feature_id: int) -> tuple[int, str | None, list[Any]]:
    """The feature, its label and its panels."""
    values = {"model_id": sae.model_id, "recipe_id": sae.recipe_id, "feature_id": feature_id}
    cards, labels = snapshot.ask_together((queries()[name], values) for name in ("feature", "best_label"))
    if not cards:
        raise ValueError(
            f"{sae.model_id}/{sae.recipe_id}: the statistics of feature {feature_id} were not published: "
            "materialize `feature_statistics` and `published_warehouse`"
        )
    [best_label] = labels or [None]
    best = best_label and best_label.explanation_id
    return (
        feature_id,
        best_label and best_label.label,
        panels("feature", snapshot, values, sae=sae, card=cards[0], best=best),
    )


def _write_page(file: Path, addresses: dict[str, str], **shared: Any) -> Path:
    """A file in which links lead to what was exported too; what was not is text."""
    style = Markup((FOLDER / "static" / "style.css").read_text(encoding="utf-8"))  # ours: no text of others is in it
    text = environment().get_template("export.html").render(style=style, **shared)

    def leading(link: re.Match[str]) -> str:
        address = addresses.get(link[1])
        return f'<a href="{address}">{link[2]}</a>' if address else f"<span>{link[2]}</span>"

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_LINK.sub(leading, text), encoding="utf-8", newline="\n")
    return file

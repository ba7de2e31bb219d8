"""Feature pages as files: the same panels without a server, a script or a network, to send or to keep."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from markupsafe import Markup

from web.experiment_images import stored_image
from web.panel_templates import FOLDER, environment, panels
from web.query_files import queries
from web.urls import feature_url, list_url, sae_url
from web.warehouse_file import WarehouseSnapshot

_LINK = re.compile(r'<a href="(/[^"]*)">(.*?)</a>', re.DOTALL)
_PICTURE = re.compile(r'<img src="/experiments/([^/"]+)/([^/"]+)/image/(\d+)\.png"([^>]*)>')


@dataclass(frozen=True, slots=True)
class ExportedFeature:
    """A feature as it stands in the export: `name` is its anchor or the stem of its file."""

    address: str
    name: str
    heading: str
    label: str | None
    panels: list[Any]
    note: str = ""


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
    pages = [_page(snapshot, sae_row, at, f"feature-{at}", f"Feature {at}") for at in chosen]
    return _write(out, snapshot, pages, f"Features of {sae}", sae_url(sae_row.model_id, sae_row.recipe_id))


def export_list(published: Path, list_id: str, out: Path) -> list[Path]:
    """Writes the pages of a list's features, in its order and with its notes; as `export`.

    Raises:
        ValueError: If there is no such list, or a feature of it is not in the warehouse.
    """
    snapshot = WarehouseSnapshot(published)
    lists = {row.list_id: row for row in snapshot.ask(queries()["feature_lists"], {})}
    if list_id not in lists:
        raise ValueError(f"there is no list {list_id!r} in this warehouse: it has {', '.join(lists) or 'none'}")
    pages = []
    for row in snapshot.ask(queries()["feature_list_entries"], {"list_id": list_id}):
        sae = f"{row.model_id}/{row.recipe_id}"
        sae_row, heading = _sae_row(snapshot, sae, [row.feature_id]), f"{sae}/{row.feature_id}"
        pages.append(_page(snapshot, sae_row, row.feature_id, f"feature-{row.place + 1}", heading, row.note or ""))
    about = lists[list_id]
    return _write(out, snapshot, pages, about.title, list_url(list_id), about.note or "")


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


def _page(
    snapshot: WarehouseSnapshot, sae: SimpleNamespace, feature_id: int, name: str, heading: str, note: str = ""
) -> ExportedFeature:
    values = {"model_id": sae.model_id, "recipe_id": sae.recipe_id, "feature_id": feature_id}
    cards, labels = snapshot.ask_together((queries()[query], values) for query in ("feature", "best_label"))
    if not cards:
        raise ValueError(
            f"{sae.model_id}/{sae.recipe_id}: the statistics of feature {feature_id} were not published: "
            "materialize `feature_statistics` and `published_warehouse`"
        )
    [best] = labels or [None]
    shown = panels("feature", snapshot, values, sae=sae, card=cards[0], best=best and best.explanation_id)
    address = feature_url(sae.model_id, sae.recipe_id, feature_id)
    return ExportedFeature(address, name, heading, best and best.label, shown, note)


def _write(
    out: Path, snapshot: WarehouseSnapshot, pages: list[ExportedFeature], heading: str, home: str, note: str = ""
) -> list[Path]:
    """One file, or a folder whose index stands for the page at `home`."""
    shared = {"published_at": snapshot.published_at, "heading": heading, "note": note}
    if out.suffix == ".html":
        contents = [(page, f"#{page.name}") for page in pages]
        addresses = {page.address: anchor for page, anchor in contents}
        return [_write_page(out, snapshot, addresses, contents=contents, features=pages, **shared)]
    contents = [(page, f"{page.name}.html") for page in pages]
    addresses = {page.address: file for page, file in contents} | {home: "index.html"}
    index = _write_page(out / "index.html", snapshot, addresses, contents=contents, features=[], **shared)
    shared["note"] = ""
    each = [
        _write_page(out / file, snapshot, addresses, contents=[], features=[page], **shared) for page, file in contents
    ]
    return [index, *each]


def _write_page(file: Path, snapshot: WarehouseSnapshot, addresses: dict[str, str], **shared: Any) -> Path:
    """A file in which links lead to what was exported too, what was not is text, and pictures are held."""
    style = Markup((FOLDER / "static" / "style.css").read_text(encoding="utf-8"))  # ours: no text of others is in it
    text = environment().get_template("export.html").render(style=style, **shared)

    def held(picture: re.Match[str]) -> str:
        png = stored_image(snapshot, unquote(picture[1]), unquote(picture[2]), int(picture[3]))
        return f'<img src="data:image/png;base64,{b64encode(png).decode()}"{picture[4]}>' if png else ""

    def leading(link: re.Match[str]) -> str:
        address = addresses.get(link[1])
        return f'<a href="{address}">{link[2]}</a>' if address else f"<span>{link[2]}</span>"

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_PICTURE.sub(held, _LINK.sub(leading, text)), encoding="utf-8", newline="\n")
    return file

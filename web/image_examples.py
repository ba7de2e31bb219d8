"""Examples in images as pictures: the whole view with what fires on it, and the part that moves the strongest place.

Inline SVG without a style or a script; each view stands in the page once, and crops point at it.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from markupsafe import Markup, escape

SIDE = 132
"""Of a picture, in pixels of the page."""
ROOM = 3.0
"""A crop shows at least so many times the box's side, so that a patch is seen among its neighbours."""


def by_kind(rows: Iterable[Any]) -> dict[tuple[str, int | None], list[Any]]:
    """Examples by kind and interval, in their order."""
    groups: dict[tuple[str, int | None], list[Any]] = {}
    for row in rows:
        groups.setdefault((row.kind, row.interval_index), []).append(row)
    return groups


def as_example(feature: Any, dictionary: Any, reading: Any) -> SimpleNamespace:
    """A feature of the image as a row of `patch_examples`, for the pictures of a feature page."""
    names = type(feature).__dataclass_fields__
    return SimpleNamespace(
        **{name: getattr(feature, name) for name in names},
        kind="top",
        image_id=0,
        document_id="your image",
        grid_rows=dictionary.grid_rows,
        grid_cols=dictionary.grid_cols,
        thumb_jpeg=reading.thumb_jpeg,
        view_height=reading.view_height,
        view_width=reading.view_width,
    )


def view_picture(row: Any, feature_id: int, largest: float, is_first: bool) -> Markup:
    """The whole view, the places where the feature fires as strong as they are, and the box of the strongest.

    Args:
        row: Of `patch_examples`.
        feature_id: Part of the view's name in the page.
        largest: Activation that is shown strongest.
        is_first: Whether the view itself stands here; later pictures of it point at the first.
    """
    place = Markup('<rect class="box" x="{}" y="{}" width="{}" height="{}"/>').format(
        row.x0, row.y0, row.x1 - row.x0, row.y1 - row.y0
    )
    is_local = row.kind != "control" and row.position_kind == "patch"
    content = _image(row, feature_id) if is_first else _use(row, feature_id)
    content += _heat(row, largest) + (place if is_local else Markup(""))
    return _svg((0, 0, row.view_width, row.view_height), f"{row.document_id}, whole", content)


def crop_picture(row: Any, feature_id: int) -> Markup:
    """The part of the view round the strongest place; nothing for what has no place."""
    if row.kind == "control" or row.position_kind != "patch":
        return Markup("")
    return _svg(_crop(row), f"{row.document_id}, row {row.row}, column {row.col}", _use(row, feature_id))


def _crop(row: Any) -> tuple[float, float, float, float]:
    """A square round the box that lies within the view."""
    cell = max(row.view_height / row.grid_rows, row.view_width / row.grid_cols)
    side = min(max(row.x1 - row.x0, row.y1 - row.y0, ROOM * cell), row.view_width, row.view_height)
    x, y = (row.x0 + row.x1) / 2 - side / 2, (row.y0 + row.y1) / 2 - side / 2
    return min(max(x, 0), row.view_width - side), min(max(y, 0), row.view_height - side), side, side


def _heat(row: Any, largest: float) -> Markup:
    height, width = row.view_height / row.grid_rows, row.view_width / row.grid_cols
    cells = [
        Markup('<rect class="heat" x="{:.4g}" y="{:.4g}" width="{:.4g}" height="{:.4g}" opacity="{:.2f}"/>').format(
            cell % row.grid_cols * width, cell // row.grid_cols * height, width, height, 0.7 * act / largest
        )
        for cell, act in zip(row.cells, row.cell_activations, strict=True)
        if largest > 0 and act > 0.1 * largest
    ]
    return Markup("").join(cells)


def _name(row: Any, feature_id: int) -> str:
    return f"view-{feature_id}-{row.image_id}"


def _image(row: Any, feature_id: int) -> Markup:
    """What the model sees; the data are JPEG that was made of pixels alone."""
    return Markup(
        '<image id="{}" width="{}" height="{}" preserveAspectRatio="none" href="data:image/jpeg;base64,{}"/>'
    ).format(_name(row, feature_id), row.view_width, row.view_height, row.thumb_jpeg)


def _use(row: Any, feature_id: int) -> Markup:
    return Markup('<use href="#{}"/>').format(_name(row, feature_id))


def _svg(box: tuple[float, float, float, float], told: str, content: Markup) -> Markup:
    return Markup(
        '<svg class="picture" viewBox="{}" width="{}" height="{}" role="img" aria-label="{}">{}</svg>'
    ).format(" ".join(f"{number:.4g}" for number in box), SIDE, SIDE, escape(told), content)

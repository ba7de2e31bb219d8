"""Pictures of examples in images: the crop lies within the view, heat and box lie where the feature fires."""

import re
from types import SimpleNamespace

import pytest

from web.image_examples import SIDE, by_kind, crop_picture, view_picture


def row(**other):
    told = {
        "kind": "top",
        "interval_index": None,
        "position_kind": "patch",
        "image_id": 5,
        "document_id": "a.png",
        "row": 1,
        "col": 3,
        "grid_rows": 2,
        "grid_cols": 4,
        "view_height": 80,
        "view_width": 120,
        "x0": 90,
        "y0": 40,
        "x1": 120,
        "y1": 80,
        "cells": (6, 7),
        "cell_activations": (1.0, 4.0),
        "thumb_jpeg": "/9j/",
    }
    return SimpleNamespace(**told | other)


def attributes(markup: str, name: str) -> list[tuple[float, ...]]:
    """x, y, width and height of the rectangles of a class."""
    found = re.findall(rf'<rect class="{name}" x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', markup)
    return [tuple(map(float, each)) for each in found]


def test_heat_lies_on_the_places_that_fire_as_strong_as_they_are():
    picture = str(view_picture(row(), 9, largest=4.0, is_first=True))
    assert attributes(picture, "heat") == [(60, 40, 30, 40), (90, 40, 30, 40)]
    assert [float(each) for each in re.findall(r'opacity="(\S+)"', picture)] == pytest.approx([0.175, 0.7], abs=0.006)
    assert attributes(picture, "box") == [(90, 40, 30, 40)]
    assert 'viewBox="0 0 120 80"' in picture
    assert attributes(str(view_picture(row(), 9, largest=40.0, is_first=True)), "heat") == []


def test_the_view_stands_in_the_page_once_and_is_pointed_at_by_its_name():
    first, later, crop = (
        str(each)
        for each in (view_picture(row(), 9, 4.0, True), view_picture(row(), 9, 4.0, False), crop_picture(row(), 9))
    )
    [name] = re.findall(r'<image id="([^"]+)"', first)
    assert "<use" not in first
    for other in (later, crop):
        assert "<image" not in other
        assert f'<use href="#{name}"/>' in other


def test_a_crop_shows_the_neighbours_and_never_leaves_the_view():
    def box(**other):
        [found] = re.findall(r'viewBox="([^"]+)"', str(crop_picture(row(**other), 1)))
        return tuple(map(float, found.split()))

    fine = {"grid_rows": 8, "grid_cols": 12}  # cells of 10 pixels, shown 30 wide
    assert box(**fine, x0=50, y0=40, x1=60, y1=50) == (40, 30, 30, 30)
    assert box(**fine, x0=110, y0=0, x1=120, y1=10) == (90, 0, 30, 30)
    assert box(**fine, x0=0, y0=70, x1=10, y1=80) == (0, 50, 30, 30)
    assert box(**fine, x0=30, y0=10, x1=80, y1=60) == (30, 10, 50, 50), "a box that is larger is shown whole"
    assert box(x0=0, y0=0, x1=120, y1=80)[2:] == (80, 80), f"a square, drawn {SIDE} wide"


def test_controls_and_leading_tokens_have_no_box_and_no_crop():
    for other in (row(kind="control"), row(position_kind="cls")):
        assert str(crop_picture(other, 1)) == ""
        assert attributes(str(view_picture(other, 1, 4.0, True)), "box") == []


def test_examples_stand_by_kind_and_interval_in_their_order():
    rows = [row(rank=0), row(kind="interval", interval_index=1, rank=0), row(rank=1)]
    assert {key: [each.rank for each in some] for key, some in by_kind(rows).items()} == {
        ("top", None): [0, 1],
        ("interval", 1): [0],
    }

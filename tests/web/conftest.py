"""Published files to show, a client of their pages, and pages taken apart by the standard library's parser."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from browser import Compass
from starlette.testclient import TestClient
from synthetic_store import SyntheticStore, sae_row

from sql.publish import publish
from sql.warehouse import connect
from web.app import app

ELSEWHERE = "site blocks.9.attn.hook_z (z.9), not resid_post.2"
EMPTY = {"base", "meta", "link", "input", "br", "hr", "img"}


LISTS = {
    "feature_list": [("words", "Words <of> people", "What fires on words.", "anna")],
    "feature_list_entry": [
        ("words", 0, "demo", "mid", 3, "the first", None, None),
        ("words", 1, "demo", "late", 0, None, None, None),
        ("words", 2, "demo", "mid", 11, "it is dead", "other", "struck"),
    ],
}


@dataclass
class Element:
    """An element of a page, with all that stands inside it."""

    tag: str
    attributes: dict[str, str]
    above: "Element | None" = None
    inside: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.inside)

    def all(self, tag: str, **attributes: str) -> "list[Element]":
        found = []
        for part in self.inside:
            if isinstance(part, Element):
                if part.tag == tag and attributes.items() <= part.attributes.items():
                    found.append(part)
                found += part.all(tag, **attributes)
        return found

    def one(self, tag: str, **attributes: str) -> "Element":
        [found] = self.all(tag, **attributes)
        return found

    def section(self, name: str) -> "Element":
        return self.one("section", id=name)

    @property
    def values(self) -> list[str]:
        """The whole values of the numbers in it."""
        return [data.attributes["value"] for data in self.all("data")]

    @property
    def facts(self) -> dict[str, list[str]]:
        """The numbers of a list of facts, by name."""
        return {div.one("dt").text: div.one("dd").values for div in self.all("div") if div.all("dt")}

    @property
    def rows(self) -> "list[list[Element]]":
        """Cells of the body of each table in it."""
        return [
            [cell for cell in row.inside if isinstance(cell, Element)]
            for body in self.all("tbody")
            for row in body.all("tr")
        ]


class _Reading(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.inside.append(found)
        if tag not in EMPTY:
            self.at = found

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.inside.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag} {self.at.attributes}>"
        assert self.at.above is not None
        self.at = self.at.above

    def handle_data(self, data: str) -> None:
        self.at.inside.append(data)


def parsed(text: str) -> Element:
    """A page as a tree; an element that is closed out of turn, or never, is a mistake."""
    reading = _Reading()
    reading.feed(text)
    reading.close()
    assert reading.at is reading.root, f"<{reading.at.tag}> is never closed"
    return reading.root


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """demo/mid with labels, demo/late with none, which was imported from another place."""
    home = tmp_path_factory.mktemp("pages")
    store = SyntheticStore(str(home))
    store.write_model("demo")
    store.write_sae("demo", "mid")
    store.write_sae("demo", "late", seed=3, labels=False, codes=False)
    elsewhere = {"origin": "imported:saelens6", "provenance_mismatch": ELSEWHERE}
    store.write("sae", {"model_id": "demo", "recipe_id": "late"}, [sae_row() | elsewhere], made_from="seed 3")
    store.write_experiment("demo", "asked")
    publish(home / "warehouse.duckdb", store.stored, registry=LISTS)
    return home / "warehouse.duckdb"


@pytest.fixture(scope="session")
def visitor(warehouse: Path) -> TestClient:
    return TestClient(app(warehouse, embedder=Compass()))


@pytest.fixture(scope="session")
def read() -> Callable[[str], Element]:
    return parsed


@pytest.fixture(scope="session")
def visit(visitor: TestClient) -> Callable[[str], Element]:
    """A page of the warehouse, which must be there."""

    def visit(address: str) -> Element:
        answer = visitor.get(address)
        assert answer.status_code == 200, f"{address} answers {answer.status_code}: {answer.text}"
        return parsed(answer.text)

    return visit


@pytest.fixture(scope="session")
def ask(warehouse: Path) -> Iterator[Callable[..., list[SimpleNamespace]]]:
    """What SQL says, past the pages."""
    with closing(connect(warehouse)) as con:

        def ask(query: str, given: dict[str, Any] | None = None) -> list[SimpleNamespace]:
            answer = con.execute(query, given or {})
            names = [column[0] for column in answer.description]
            return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in answer.fetchall()]

        yield ask

"""Snippets that pages give to paste: the SQL runs, the Python names the weights, and texts stay texts."""

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest

from web.formatting import python_text, sql_text


def snippets(page: Any) -> list[str]:
    return [code.text for pre in page.all("pre", **{"class": "snippet"}) for code in pre.all("code")]


@pytest.mark.parametrize(("address", "n"), [("/sae/demo/mid", 1), ("/sae/demo/mid/7", 2)])
def test_the_sql_of_a_snippet_has_rows(
    visit: Callable[[str], Any], ask: Callable[..., list[Any]], address: str, n: int
):
    found = re.findall(r'glasshouse sql "([^"]+)"', "\n".join(snippets(visit(address))))
    assert len(found) == n
    assert all(ask(query) for query in found)


def test_the_python_of_a_snippet_loads_the_weights(visit: Callable[[str], Any], ask: Callable[..., list[Any]]):
    [code] = [text for text in snippets(visit("/sae/demo/mid")) if "sae_lens" in text]
    [load] = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    [row] = ask("select uri from sae where recipe_id = 'mid'")
    assert ast.unparse(load.func) == "SAE.load_from_disk"
    assert ast.literal_eval(load.args[0]) == row.uri


@pytest.mark.parametrize("text", ["plain", "it's", 'a"b', "a\\b\n", "'; drop table sae; --", "𝔘⏎"])
def test_a_text_in_a_snippet_is_that_text(ask: Callable[..., list[Any]], text: str):
    assert ast.literal_eval(python_text(text)) == text
    [row] = ask(f"select {sql_text(text)} as found")
    assert row.found == text

"""The button that copies a feature's windows, in a real browser."""

from pathlib import Path

import pytest
from browser import chromium, served

from web.app import app

pytestmark = pytest.mark.browser


def test_the_button_copies_what_the_api_says(warehouse: Path):
    with chromium() as browser, served(app(warehouse)) as address:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{address}/sae/demo/mid/0")
        page.get_by_role("button", name="copy as Markdown").click()
        page.get_by_role("button", name="copied").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == context.request.get(f"{address}/api/saes/demo/mid/features/0/examples.md").text()
        assert copied.count("\n- ") >= 1
        assert wrong == []


def test_without_scripts_the_same_text_is_a_link(warehouse: Path):
    with chromium() as browser, served(app(warehouse)) as address:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{address}/sae/demo/mid/0")
        assert page.get_by_role("button", name="copy as Markdown").count() == 0
        assert page.locator("#for_programs a", has_text="examples.md").get_attribute("href")

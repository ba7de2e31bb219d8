"""The form on a feature's page that leads to the steering question, in a browser: what it asks, and where it is not."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from browser import DESK, PHONE, Watched, assert_fits_and_breaks_no_rule, chromium, served

from models.experiments.settings_base import settings_of
from pipelines.serving.experiment_asker import TypedMethod, typed_method
from web.app import app
from web.model_queue import Report

SCREENSHOTS = os.environ.get("GLASSHOUSE_SCREENSHOTS")
FEATURE, DEAD = "/sae/demo/mid/0", "/sae/demo/mid/11"


class Listening:
    """An asker that keeps what it is asked and answers nothing."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def methods(self, model_id: str) -> list[TypedMethod]:
        found = typed_method("steering", ("mid", "late"))
        assert found is not None
        return [found]

    def ask(self, model_id: str, method: str, given: Mapping[str, str], report: Report) -> Any:
        self.asked.append({"model_id": model_id, "method": method, **given})
        raise ValueError("heard")


@pytest.mark.browser
def test_a_prompt_typed_on_a_feature_s_page_is_the_steering_question_about_it(warehouse: Path, tmp_path: Path):
    listening = Listening()
    with served(app(warehouse, asker=listening)) as address, chromium() as browser:
        for name, viewport in (("desk", DESK), ("phone", PHONE)):
            with Watched.open(browser, address, viewport=viewport) as watched:
                watched.go(FEATURE)
                page, form = (
                    watched.page,
                    watched.page.locator("form", has=watched.page.get_by_role("button", name="Steer")),
                )
                assert_fits_and_breaks_no_rule(watched)
                form.scroll_into_view_if_needed()
                page.screenshot(path=Path(SCREENSHOTS or tmp_path) / f"feature-steer-{name}.png")
                form.get_by_label("prompt").fill("import os")
                form.get_by_label("what becomes of it").select_option("add")
                form.get_by_role("button", name="Steer").click()
                page.get_by_role("status").get_by_text("heard").wait_for()
                assert page.locator("textarea[name=prompt]").input_value() == "import os"
                assert page.get_by_label("dictionary").input_value() == "mid"
        first, second = listening.asked
    assert first == second
    assert {"model_id": "demo", "method": "steering", "recipe": "mid", "prompt": "import os"}.items() <= first.items()
    assert {"set.features": "[0]", "set.kind": "add", "set.strengths": "[1, 3, 5]"}.items() <= first.items()
    assert {name.removeprefix("set.") for name in first if name.startswith("set.")} <= set(
        settings_of("steering").model_fields
    )


def test_the_form_is_not_where_nothing_can_be_steered(warehouse: Path, visit: Any):
    from starlette.testclient import TestClient

    able = TestClient(app(warehouse, asker=Listening()))
    assert "/ask/steering" in able.get(FEATURE).text
    assert "/ask/steering" not in able.get(DEAD).text, "a feature that never fired has no strength"
    assert not [form for form in visit(FEATURE).all("form") if "/ask/steering" in form.attributes.get("action", "")]

"""A provider that misbehaves in every way there is: nothing paid is asked twice, nothing failed is called a label."""

import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pyarrow as pa
import pytest
from example_rows import examples_of
from message_acts import Act, Cut, Fail, Garble, Say, Slow
from messages_server import KEY, Messages, serving

from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings
from models.autointerp.feature_data import FeatureData
from models.autointerp.llm_access import provider_llm
from models.autointerp.llm_client.messages_client import KeyRefused, retry_after
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.request_ledger import RequestLedger
from models.autointerp.llm_client.request_queue import ProviderDown
from models.autointerp.stages import StageResult, label_features
from storage.folder import Folder
from storage.table_schemas.example import SCHEMA as EXAMPLE

LLM, PAYER = "claude-haiku-4-5", "model/recipe"
SETTINGS = ExplanationSettings(explainer="anthropic", llm=LLM, budget_usd=100)


@pytest.fixture
def server(forks: None):
    with serving() as running:
        yield running


def explained(
    server: Messages, folder: Path, n: int = 3, *, access: ProviderAccess | None = None, **other: object
) -> StageResult:
    settings, ledger = SETTINGS.model_copy(update=other), Folder(str(folder))
    reached = access or ProviderAccess(server.url, KEY, first_delay=0.001, timeout=0.5)
    askers = LabelingSetup(settings, ledger, PAYER, lambda _: provider_llm(settings, ledger, PAYER, reached))
    return label_features(FeatureData(PAYER, examples_of(n)), askers)


def once(act: Act):
    """The first request meets this act, all others go well."""
    return lambda number, body: act if number == 0 else Say()


PASSING: dict[str, tuple[Act, bool]] = {
    # act, and whether the attempt may have cost money
    "429 without Retry-After": (Fail(429, "rate_limit_error"), False),
    "429 with seconds": (Fail(429, "rate_limit_error", 0.01), False),
    "429 with a date": (Fail(429, "rate_limit_error", timedelta(seconds=0)), False),
    "500": (Fail(500), False),
    "529": (Fail(529, "overloaded_error"), False),
    "408": (Fail(408), True),
    "502 of a gateway": (Fail(502), True),
    "504 of a gateway": (Fail(504), True),
    "400 that says: again": (Fail(400, should_retry=True), False),
    "time-out": (Slow(1.5), True),
    "cut before the work": (Cut(), True),
    "cut after the work": (Cut("work"), True),
    "cut in the middle of the body": (Cut("half"), True),
    "half a JSON": (Garble(), True),
    "a page of a proxy": (Garble("text/html", b"<html>busy</html>"), True),
    "an empty object": (Garble(body=b"{}"), True),
}


@pytest.mark.parametrize("fault", list(PASSING))
def test_what_passes_is_tried_again_and_what_it_may_have_cost_is_counted(server: Messages, tmp_path: Path, fault: str):
    act, at_risk = PASSING[fault]
    server.script = once(act)
    made = explained(server, tmp_path, 1)
    assert made.rows["status"].to_pylist() == ["ok"]
    [answer] = RequestLedger.read(Folder(str(tmp_path))).answers.values()
    assert answer.attempts == len(server.bodies) == 2
    assert (answer.at_risk_usd > 0) == at_risk
    explained(server, tmp_path, 1)
    assert len(server.bodies) == 2, "what is answered is not asked again"


LASTING: dict[str, Act] = {
    "400": Fail(400, "invalid_request_error"),
    "413": Fail(413, "request_too_large"),
    "500 that says: not again": Fail(500, should_retry=False),
}


@pytest.mark.parametrize("fault", list(LASTING))
def test_what_lasts_is_a_row_after_one_attempt(server: Messages, tmp_path: Path, fault: str):
    server.script = once(LASTING[fault])
    made = explained(server, tmp_path, concurrency=1).rows.to_pylist()
    assert sorted(row["status"] for row in made) == ["failed", "ok", "ok"]
    assert [row["label"] for row in made if row["status"] == "failed"] == [None]
    assert len(server.bodies) == 3


def test_a_key_that_is_revoked_in_the_middle_stops_and_keeps_what_was_answered(server: Messages, tmp_path: Path):
    server.script = lambda number, body: Fail(401, "authentication_error") if number >= 5 else Say()
    with pytest.raises(KeyRefused, match=r"refuses the API key .status 401"):
        explained(server, tmp_path, 40, concurrency=2)
    assert len(RequestLedger.read(Folder(str(tmp_path))).answers) == 5
    asked = len(server.bodies)
    server.script = lambda number, body: Say()
    assert set(explained(server, tmp_path, 40).rows["status"].to_pylist()) == {"ok"}
    assert len(server.bodies) == asked + 35


ANSWERS: dict[str, tuple[str, str]] = {
    "wrong JSON": ("labels: none", "parse_error"),
    "a list": ("[1, 2]", "parse_error"),
    "another name": ('{"names": []}', "parse_error"),
    "a short list": ('{"labels": []}', "not_answered"),
    "an id that was not asked": ('{"labels": [{"id": "f7", "label": "x"}]}', "not_answered"),
    "no id": ('{"labels": [{"label": "x"}]}', "not_answered"),
    "a number": ('{"labels": [{"id": "f1", "label": 3}]}', "parse_error"),
    "null": ('{"labels": [{"id": "f1", "label": null}]}', "parse_error"),
    "nothing": ("", "parse_error"),
    "nested too deeply": ('{"labels": ' + "[" * 5000 + "]" * 5000 + "}", "parse_error"),
}


@pytest.mark.parametrize("answer", list(ANSWERS))
def test_an_answer_of_another_form_is_never_a_label(server: Messages, tmp_path: Path, answer: str):
    text, status = ANSWERS[answer]
    server.script = lambda number, body: Say(text)
    [row] = explained(server, tmp_path, 1).rows.to_pylist()
    assert (row["status"], row["label"]) == (status, None)
    assert row["error"]
    assert row["cost_usd"] > 0, "it was paid for all the same"


HALVES = {
    "in the label": ('{"labels": [{"id": "f1", "label": "half \\ud83d a face"}]}', "half \ufffd a face"),
    "the other half": ('{"labels": [{"id": "f1", "label": "\\udc00x"}]}', "\ufffdx"),
    "beside a whole one": ('{"labels": [{"id": "f1", "label": "\\ud83d\\ude00 \\ud800"}]}', "\U0001f600 \ufffd"),
}


@pytest.mark.parametrize("answer", list(HALVES))
def test_half_a_character_is_replaced_and_said(server: Messages, tmp_path: Path, answer: str):
    text, label = HALVES[answer]
    server.script = lambda number, body: Say(text)
    [row] = explained(server, tmp_path, 1).rows.to_pylist()
    assert (row["status"], row["label"]) == ("ok", label)
    assert "U+FFFD" in row["error"]
    assert explained(server, tmp_path, 1).rows["label"].to_pylist() == [label], "the ledger replays it"


def test_half_a_character_in_the_body_itself_is_no_failure(server: Messages, tmp_path: Path):
    """A gateway that cuts a text in the middle of a pair."""
    server.script = lambda number, body: Say('{"labels": [{"id": "f1", "label": "cut \ud83d"}]}')
    [row] = explained(server, tmp_path, 1).rows.to_pylist()
    assert (row["status"], row["label"]) == ("ok", "cut \ufffd")
    assert len(server.bodies) == 1


FENCED = ("```json\n{}\n```", "Here it is:\n\n```\n{}\n```\nAnything else?", "  ```JSON\n{}\n```  ")


@pytest.mark.parametrize("around", FENCED)
def test_json_in_a_code_fence_is_read_at_once(server: Messages, tmp_path: Path, around: str):
    server.script = lambda number, body: Say(around.format('{"labels": [{"id": "f1", "label": "a ``` in it"}]}'))
    [row] = explained(server, tmp_path, 1).rows.to_pylist()
    assert (row["status"], row["label"]) == ("ok", "a ``` in it")
    assert len(server.bodies) == 1


@pytest.mark.parametrize("wait", ["5400", 601, timedelta(days=1)])
def test_a_server_that_asks_to_wait_for_long_has_refused(server: Messages, tmp_path: Path, wait: str | timedelta):
    server.script = lambda number, body: Fail(429, "rate_limit_error", wait) if number == 0 else Say()
    made = explained(server, tmp_path, 2, concurrency=1).rows.to_pylist()
    assert sorted(row["status"] for row in made) == ["failed", "ok"]
    [error] = [row["error"] for row in made if row["status"] == "failed"]
    assert "longer than 600: materialize again after that" in error
    assert len(server.bodies) == 2


def test_a_provider_that_refuses_everything_is_one_error(server: Messages, tmp_path: Path):
    """Not a group of the same error of each job that waited."""
    server.script = lambda number, body: Fail(400, "invalid_request_error", message="no such model here")
    with pytest.raises(ProviderDown, match="no such model here") as caught:
        explained(server, tmp_path, 12, concurrency=4)
    assert "ExceptionGroup" not in "".join(traceback.format_exception(caught.value))


def test_a_budget_that_ends_among_requests_under_way_is_kept(server: Messages, tmp_path: Path):
    server.script = lambda number, body: Slow(0.02, Say(input_tokens=1000, output_tokens=1000))
    limit = 0.2
    made = explained(server, tmp_path, 60, budget_usd=limit, concurrency=8)
    statuses = made.rows["status"].to_pylist()
    assert set(statuses) == {"ok", "over_budget"}
    assert limit - 0.03 < 0.006 * server.answered <= limit
    ledger = RequestLedger.read(Folder(str(tmp_path)))
    assert ledger.spent_usd(PAYER) == pytest.approx(0.006 * server.answered)
    assert server.tally.sent_again == {}


def test_two_that_ask_the_same_at_the_same_time_are_one_question(server: Messages, tmp_path: Path):
    """Features with the same windows have the same prompt."""
    server.script = lambda number, body: Slow(0.05)
    windows = examples_of(1).to_pylist()
    same = pa.Table.from_pylist([row | {"feature_id": f} for f in range(12) for row in windows], schema=EXAMPLE)
    settings, ledger = SETTINGS, Folder(str(tmp_path))
    reached = ProviderAccess(server.url, KEY)
    askers = LabelingSetup(settings, ledger, PAYER, lambda _: provider_llm(settings, ledger, PAYER, reached))
    made = label_features(FeatureData(PAYER, same), askers)
    assert made.rows["status"].to_pylist() == ["ok"] * 12
    assert len(server.bodies) == 1


def test_waiting_goes_by_the_servers_clock():
    """Ours may be wrong by years."""
    for year in (1999, 2026, 2040):
        now = datetime(year, 5, 1, tzinfo=UTC)
        headers = {"date": format_datetime(now, usegmt=True)}
        later = format_datetime(now + timedelta(seconds=7), usegmt=True)
        assert retry_after(headers | {"retry-after": later}) == 7
        earlier = format_datetime(now - timedelta(seconds=7), usegmt=True)
        assert retry_after(headers | {"retry-after": earlier}) == 0
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_other_providers_are_reached_by_their_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever speaks the protocol at ANTHROPIC_BASE_URL is asked, with a bearer token if that is what is set."""
    with serving() as other:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", other.url)
        monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
        made = label_features(FeatureData(PAYER, examples_of(1)), LabelingSetup(SETTINGS, Folder(str(tmp_path)), PAYER))
        assert made.rows["status"].to_pylist() == ["ok"]
        assert len(other.bodies) == 1

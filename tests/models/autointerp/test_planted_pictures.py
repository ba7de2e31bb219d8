"""Features of drawn images and a judge that looks at what it is sent: right labels score 1, shuffled ones fall to
chance, and what cannot be shown, or may not be sent, says so."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from drawn_features import PLANTED, DrawnFeatures
from message_acts import Fail
from messages_server import Messages
from PIL import Image
from prompt_tags import said_by
from vision_judge import VisionJudge, pictures_of

from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings
from models.autointerp.cost_estimate import DryRunLLM
from models.autointerp.feature_data import FeatureData
from models.autointerp.llm_client.message_content import Picture, QuestionTooLarge, message_content
from models.autointerp.llm_client.prices import price_of
from models.autointerp.llm_client.request import OVERHEAD_TOKENS, Request
from models.autointerp.llm_client.request_ledger import RequestLedger
from models.autointerp.llm_client.request_queue import ProviderDown
from models.autointerp.stages import label_features, rate_labels, score_labels
from storage.folder import Folder

LLM = "claude-haiku-4-5"
SETTINGS = ExplanationSettings(explainer="anthropic", judge="anthropic", llm=LLM, budget_usd=100)


@pytest.fixture(scope="module")
def drawn() -> DrawnFeatures:
    return DrawnFeatures(40)


@pytest.fixture
def server(server: Messages) -> Messages:
    server.script = VisionJudge()
    return server


def asking(folder: Path, **other: object) -> LabelingSetup:
    return LabelingSetup(SETTINGS.model_copy(update=other), Folder(str(folder)), "seen/drawn")


def scores(material: FeatureData, labels: pa.Table, setup: LabelingSetup) -> dict[tuple[str, str], list[float]]:
    ratings = rate_labels(material, labels, setup).rows
    found: dict[tuple[str, str], list[float]] = {}
    for row in score_labels(material, labels, ratings, setup).rows.to_pylist():
        found.setdefault((row["scorer"], row["metric"]), []).append(row["value"])
    return found


def test_planted_labels_are_found_and_score_one(drawn: DrawnFeatures, server: Messages, tmp_path: Path):
    material = drawn.material()
    labels = label_features(material, asking(tmp_path)).rows
    assert labels["label"].to_pylist() == list(PLANTED)
    heat, crop, *others = pictures_of(server.bodies[0])
    assert len(others) == 2 * 8 - 2
    assert heat.mean() < 0.5 * crop.mean(), "one of sixteen places is bright"
    right = scores(material, labels, asking(tmp_path))
    assert min(right["detection", "balanced_accuracy"]) == 1
    assert min(right["fuzzing", "balanced_accuracy"]) > 0.95
    assert min(right["specificity", "auroc"]) > 0.95


@pytest.mark.slow
def test_shuffled_labels_score_at_chance(drawn: DrawnFeatures, server: Messages, tmp_path: Path):
    material = drawn.material()
    labels = label_features(material, asking(tmp_path)).rows
    turned = pa.array([*PLANTED[1:], PLANTED[0]])
    shuffled = labels.set_column(labels.schema.get_field_index("label"), "label", turned)
    wrong = scores(material, shuffled, asking(tmp_path / "wrong"))
    assert np.mean(wrong["detection", "balanced_accuracy"]) < 0.6
    assert max(wrong["specificity", "auroc"]) < 0.6


def test_an_image_that_explains_a_label_never_scores_it(drawn: DrawnFeatures, server: Messages, tmp_path: Path):
    material = drawn.material()
    labels = label_features(material, asking(tmp_path)).rows
    explained = {pixels.tobytes() for body in server.bodies for pixels in pictures_of(body)}
    n = len(server.bodies)
    rate_labels(material, labels, asking(tmp_path))
    rated = [pixels.tobytes() for body in server.bodies[n:] for pixels in pictures_of(body)]
    assert rated
    assert not explained & set(rated)
    assert "strength" not in said_by(server.bodies[-1], "user")


def test_what_pictures_cost_is_known_before_and_counts_in_the_budget():
    picture = Picture.of(Image.new("RGB", (640, 320), "red"))
    body = Request.structured("explain", LLM, "s", ("look", picture, picture), {"type": "object"}, 500)
    assert body.picture_tokens == 2 * max((224 // 28) * (112 // 28), math.ceil(224 * 112 / 750))
    assert body.text_bytes < 420 < body.n_bytes
    worst = (body.text_bytes + body.picture_tokens + OVERHEAD_TOKENS + 1) * 1e-6 + 500 * 5e-6
    assert body.worst_usd(price_of(LLM)) == pytest.approx(worst)


def test_a_dry_run_counts_the_pictures_that_are_then_sent(drawn: DrawnFeatures, server: Messages, tmp_path: Path):
    material, ledger = drawn.material(), RequestLedger.read(Folder(str(tmp_path)))
    plan = DryRunLLM(LLM, price_of(LLM), ledger)
    label_features(material, replace(asking(tmp_path), llm_of=lambda name: plan))
    [line] = plan.estimates()
    label_features(material, asking(tmp_path))
    n = sum(len(pictures_of(body)) for body in server.bodies)
    assert line.n_requests == len(server.bodies)
    assert line.input_tokens > 67 * n
    assert plan.counted["explain"].picture_tokens == 67 * n


def test_an_image_whose_picture_is_gone_is_left_out_and_a_feature_without_any_says_so(server: Messages, tmp_path: Path):
    drawn = DrawnFeatures(40)
    fires = {n for n, each in enumerate(drawn.patterns) if "red" in each.values()}
    drawn.thumbs = [None if n in fires else thumb for n, thumb in enumerate(drawn.thumbs)]
    drawn.thumbs[min(set(range(40)) - fires)] = b"\xff\xd8 no picture"
    material = drawn.material()
    labels = label_features(material, asking(tmp_path)).rows
    assert labels["status"].to_pylist() == ["no_picture", "ok", "ok"]
    assert "has a picture in the store" in labels["error"].to_pylist()[0]
    assert len(server.bodies) == 2
    rated = rate_labels(material, labels, asking(tmp_path)).rows.to_pylist()
    dark = [row for row in rated if row["status"] == "no_picture"]
    assert dark
    assert all(row["rating"] is None for row in dark)
    assert {row["status"] for row in rated} == {"ok", "no_picture"}


def test_an_llm_that_takes_no_images_is_named_by_what_it_says(drawn: DrawnFeatures, server: Messages, tmp_path: Path):
    server.script = lambda number, body: Fail(400, "invalid_request_error", message="this model takes no image blocks")
    with pytest.raises(ProviderDown, match="this model takes no image blocks"):
        label_features(drawn.material(), asking(tmp_path))
    assert len(server.bodies) == 3


def test_a_question_with_too_many_pictures_is_never_sent():
    picture = Picture.of(Image.new("RGB", (32, 32)))
    with pytest.raises(QuestionTooLarge, match=r"101 pictures.*features_per_request"):
        message_content((picture,) * 101)
    assert message_content(("a", "b")) == "ab"
    blocks = message_content(("a", "b", picture, "c"))
    assert [block["type"] for block in blocks] == ["text", "image", "text"]  # pyright: ignore[reportArgumentType]
    assert Image.open(io.BytesIO(picture.jpeg)).size == (224, 224)

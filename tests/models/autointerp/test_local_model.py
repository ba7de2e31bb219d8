"""A language model on this machine as explainer and judge: every answer fits its form and is its likeliest."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest
import torch
from example_rows import examples_of
from tiny_models import save_tiny

from models.autointerp.answer_schemas import LABELS
from models.autointerp.assembly import LabelingSetup
from models.autointerp.config import ExplanationSettings
from models.autointerp.feature_data import FeatureData
from models.autointerp.judge_task import JudgeTask
from models.autointerp.llm_client.local_model import CachedReader, LocalProvider, local_model, prove_rollback
from models.autointerp.llm_client.messages_client import AttemptFailed
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import RequestLedger
from models.autointerp.scorer import scorer_names, scorer_of
from models.autointerp.stages import label_features, rate_labels, score_labels
from models.language_model.hooked_model import HookedModel
from models.language_model.unusable_model import UnusableModel
from storage.folder import Folder
from storage.revisions import resolve_revision

TASKS = [task for name in scorer_names() if (task := scorer_of(name).task) is not None]
PAYER = "model/recipe"
IDS = ["w1", "w2", "w3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("llama", tmp_path_factory.mktemp("local"))


@pytest.fixture(scope="module")
def provider(folder: Path) -> LocalProvider:
    return LocalProvider(HookedModel.load(str(folder), None, "float32"), 4096)


def said(provider: LocalProvider, schema: dict, content: str = "def f(x): return x") -> str:
    request = Request.structured("task", "local", "Answer.", content, schema, 64)
    reply, _ = asyncio.run(provider.send(request.body))
    return reply.text


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_form_is_filled_in(provider: LocalProvider, task: JudgeTask):
    parsed = task.answers.parse(said(provider, task.answers.schema(IDS[:1]), "x"))
    assert parsed.error == ""
    assert list(parsed.said) == IDS[:1]
    assert parsed.wrong == {}


def test_ratings_have_no_reasons(provider: LocalProvider):
    """Forty tokens a window would be written for one that is chosen."""
    task = scorer_of("specificity").task
    assert task is not None
    text = said(provider, task.answers.schema(IDS), "x")
    assert [item["reason"] for item in json.loads(text)["ratings"]] == [""] * 3
    assert {rating in {0, 1, 2, 3} for rating, _ in task.answers.parse(text).said.values()} == {True}


def test_no_text_begins_with_the_id_or_holds_a_tag(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch):
    """SmolLM2-135M answered 69 of 100 questions for a label with f1, the id, and copied tags into twelve others."""
    tokenizer = provider._host.tokenizer
    wanted = {"f": 0.0, "<": -1.0, ">": -2.0}
    ids = {tokenizer.encode(text, add_special_tokens=False)[0]: score for text, score in wanted.items()}

    def copying(tokens: list[int], last: int) -> torch.Tensor:
        scores_SV = torch.full((last, len(tokenizer)), -9.0)
        for token, score in ids.items():
            scores_SV[:, token] = score
        return scores_SV

    monkeypatch.setattr(provider._reader, "log_probabilities", copying)
    [label] = json.loads(said(provider, LABELS.schema(["f1"])))["labels"]
    assert not label["label"].startswith("f")
    assert not set(label["label"]) & set("<>")


def test_a_label_is_words_on_one_line(provider: LocalProvider):
    parsed = LABELS.parse(said(provider, LABELS.schema(["f1", "f2"])))
    assert set(parsed.said) == {"f1", "f2"}
    assert all(label.isprintable() for label in parsed.said.values())


def test_the_likeliest_option_is_taken(provider: LocalProvider, folder: Path):
    """By the mean log-probability of its tokens after everything before it, worked out without a cache."""
    host = HookedModel.load(str(folder), None, "float32")
    schema = {"type": "object", "properties": {"fires": {"type": "boolean"}}}
    for content in ("x", "def f", "1 2 3", "return"):
        request = Request.structured("task", "local", "Answer.", content, schema, 64)
        text = f"Answer.\n\n{content}\n\nAnswer as JSON:\n"
        encode = partial(host.tokenizer.encode, add_special_tokens=False)
        before = host.tokenizer.encode(text) + encode('{"fires": ')
        scores = {}
        for option in ("true", "false"):
            ids = encode(option)
            with torch.no_grad():
                logits = host.model(torch.tensor([before + ids])).logits[0].log_softmax(-1)
            scores[option] = float(logits[range(len(before) - 1, len(before) + len(ids) - 1), ids].mean())
        reply, _ = asyncio.run(provider.send(request.body))
        assert json.loads(reply.text) == {"fires": max(scores, key=lambda name: scores[name]) == "true"}
        assert reply.usage.input_tokens == len(host.tokenizer.encode(text))


@pytest.mark.parametrize("kind", ["gpt2", "gemma3", "mistral"])
def test_texts_read_one_after_another_are_read_as_if_alone(kind: str, tmp_path: Path):
    """Also where layers see the last 8 tokens only, and more than these are taken back."""
    host = HookedModel.load(str(save_tiny(kind, tmp_path)), None, "float32")
    prove_rollback(host)
    reader, draw = CachedReader(host.model), torch.Generator().manual_seed(0)
    first = torch.randint(5, 300, (40,), generator=draw).tolist()
    for shared, length, last in ((0, 40, 1), (30, 45, 3), (45, 45, 1), (12, 20, 8), (19, 60, 2), (5, 6, 6), (0, 9, 9)):
        tokens = first[:shared] + torch.randint(5, 300, (length - shared,), generator=draw).tolist()
        got = reader.log_probabilities(tokens, last)
        with torch.no_grad():
            alone = host.model(torch.tensor([tokens]), use_cache=False).logits[0, -last:].log_softmax(-1)
        torch.testing.assert_close(got, alone, atol=1e-4, rtol=1e-4)
        first = tokens


def test_a_model_that_takes_nothing_back_is_refused(tmp_path: Path):
    host = HookedModel.load(str(save_tiny("bert", tmp_path)), None, "float32")
    with pytest.raises(UnusableModel, match="cannot be a local explainer or judge: it cannot take back tokens"):
        prove_rollback(host)


def test_what_does_not_fit_the_context_is_refused(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provider, "_longest", 128)
    with pytest.raises(AttemptFailed, match="take more than the 128 tokens of the local model's context"):
        said(provider, LABELS.schema(["f1"]), "x " * 200)


def test_a_recipe_can_ask_a_local_model_and_its_answers_are_kept(folder: Path, tmp_path: Path):
    settings = ExplanationSettings.model_validate(
        {"explainer": "local", "judge": "local", "local_llm": str(folder), "scorers": ("detection",)}
    )
    ledger = Folder(str(tmp_path / "ledger"))
    name, _ = local_model(str(folder))
    assert name == f"{folder}@{resolve_revision(str(folder), None)[:12]}"
    with pytest.raises(UnusableModel, match="is a folder and holds one version, but revision 'v1' is asked for"):
        local_model(str(folder), "v1")
    material, askers = FeatureData(PAYER, examples_of(2)), LabelingSetup(settings, ledger, PAYER)
    labels = label_features(material, askers).rows.to_pylist()
    assert {row["explainer"] for row in labels} == {"local"}
    assert {row["llm"] for row in labels} == {name}
    assert {row["status"] for row in labels} == {"failed"}, "thirty windows do not fit a context of 128 tokens"
    assert all("context" in row["error"] for row in labels)
    made = label_features(material, askers).rows
    assert rate_labels(material, made, askers).rows.num_rows == 0
    assert score_labels(material, made, rate_labels(material, made, askers).rows, askers).rows.num_rows == 0
    assert RequestLedger.read(ledger).spent_usd(PAYER) == 0


def test_a_window_that_names_a_special_token_ends_no_turn(provider: LocalProvider):
    """The name of the end of a text is read letter by letter; the template's own special tokens are tokens."""
    tokenizer = provider._host.tokenizer
    name = tokenizer.eos_token
    question = {"system": "Answer.", "messages": [{"role": "user", "content": f"x {name} y"}]}
    plain = provider._prompt(question)
    assert tokenizer.eos_token_id not in plain
    assert name in tokenizer.decode(plain)
    tokenizer.chat_template = "{% for m in messages %}{{ eos_token }}{{ m.role }}: {{ m.content }}{% endfor %}"
    try:
        chat = provider._prompt(question)
    finally:
        tokenizer.chat_template = None
    assert chat.count(tokenizer.eos_token_id) == 2, "one for each turn, none of the window"
    assert name in tokenizer.decode(chat).replace(name, "", 2)

"""The encoder is the mean of a plain model's last layer; labels that mean what the windows mean score high."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from example_rows import all_for_scoring, example, numbers_of, with_explained
from tiny_models import WIDTH, save_tiny

from models.autointerp.example_set import ExampleSet
from models.autointerp.scorers import embedding
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.scorers.embedding import embedding_scores
from models.autointerp.trials import Label
from models.language_model import sentence_encoder as module
from models.language_model.loading import UnusableModel
from models.language_model.sentence_encoder import SentenceEncoder
from storage.revisions import resolve_revision
from storage.table_schemas.example import SCHEMA as EXAMPLE

TEXTS = ["the residual stream", "", "def area(width, height):", "a feature is a direction " * 60, "stream", " \n"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("bert", tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.load(str(folder), device="cpu")


def pooling_said(folder: Path, copy: Path, said: dict[str, object]) -> str:
    """A copy of an encoder with what sentence-transformers writes beside it."""
    shutil.copytree(folder, copy)
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": WIDTH} | said))
    return str(copy)


@pytest.mark.parametrize(
    ("pooling", "said"),
    [
        ("mean", None),
        ("mean", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False, "include_prompt": True}),
        ("mean", {"pooling_mode": "mean", "include_prompt": True}),
        ("cls", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}),
        ("cls", {"pooling_mode": "cls"}),
    ],
)
def test_a_text_is_the_mean_of_the_last_layer_over_its_tokens_or_the_first(
    folder: Path, tmp_path: Path, pooling: str, said: dict[str, object] | None
):
    """Each text by itself, without padding, by a model loaded anew."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    plain, tokenizer = (
        AutoModelForMaskedLM.from_pretrained(folder).base_model.eval(),
        AutoTokenizer.from_pretrained(folder),
    )
    source = str(folder) if said is None else pooling_said(folder, tmp_path / "copy", said)
    found_ND = SentenceEncoder.load(source, device="cpu").encode(TEXTS)
    assert found_ND.shape == (len(TEXTS), WIDTH)
    assert found_ND.dtype == torch.float32
    for text, found_D in zip(TEXTS, found_ND, strict=True):
        tokens = tokenizer(text, truncation=True, max_length=126, return_tensors="pt")
        with torch.no_grad():
            last_PD = plain(**tokens).last_hidden_state[0]
        wanted_D = last_PD[0] if pooling == "cls" else last_PD.mean(dim=0)
        torch.testing.assert_close(found_D, wanted_D / wanted_D.norm(), atol=1e-5, rtol=0)


def test_batches_change_nothing(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch):
    whole_ND = encoder.encode(TEXTS)
    monkeypatch.setattr(module, "BATCH_TOKENS", 1)
    torch.testing.assert_close(encoder.encode(TEXTS), whole_ND, atol=1e-5, rtol=0)
    assert encoder.encode([]).shape == (0, WIDTH)


@pytest.mark.parametrize("kind", ["roberta", "distilbert", "gpt2"])
def test_other_kinds_read_texts_of_any_length(kind: str, tmp_path: Path):
    """RoBERTa counts positions from 2; GPT-2's tokenizer has no token for no text."""
    found_ND = SentenceEncoder.load(str(save_tiny(kind, tmp_path)), device="cpu").encode(TEXTS)
    torch.testing.assert_close(found_ND.norm(dim=1), torch.ones(len(TEXTS)))
    assert not torch.allclose(found_ND[0], found_ND[3], atol=1e-3)


def test_the_identity_is_that_of_the_content(encoder: SentenceEncoder, folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert encoder.identity == resolve_revision(str(folder), None) == SentenceEncoder.load(str(copy)).identity
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    assert SentenceEncoder.load(str(copy)).identity != encoder.identity


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "cls, mean"),
        ({"pooling_mode_mean_sqrt_len_tokens": True, "pooling_mode_mean_tokens": False}, "mean_sqrt_len"),
        ({"pooling_mode": "lasttoken"}, "lasttoken"),
    ],
)
def test_other_poolings_are_refused(folder: Path, tmp_path: Path, said: dict[str, object], named: str):
    with pytest.raises(UnusableModel, match=f"pools by {named} "):
        SentenceEncoder.load(pooling_said(folder, tmp_path / "copy", said))


def test_pickles_are_refused(folder: Path, tmp_path: Path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UnusableModel, match="pickles"):
        SentenceEncoder.load(str(copy))


WINDOWS = {"interval": [" stream", " of", " a", " transformer"], "control": [" print", "(", "name", ")"]}


def gallery(features: int = 3) -> ExampleSet:
    """The same two texts for every feature, one where it fires and one where it does not."""
    rows = [
        example(feature, kind, rank, tokens, 1.0, 0 if kind == "interval" else None)
        for feature in range(features)
        for kind, tokens in WINDOWS.items()
        for rank in range(10)
    ]
    table = with_explained(pa.Table.from_pylist(rows, schema=EXAMPLE))
    return ExampleSet.of(table, near_copy_group=all_for_scoring(table))


def test_a_label_of_the_words_of_the_examples_scores_one_and_one_of_the_others_zero(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
):
    of, texts = gallery(), ["".join(WINDOWS["interval"]), "".join(WINDOWS["control"]), "stream of a transformer"]
    labels = [Label(f"label {feature}", feature, text) for feature, text in enumerate(texts)]
    trials = list(detection_trials(of, labels, {}))[::-1]
    rows = embedding_scores(encoder, of, trials).values
    assert dict(zip(rows["explanation_id"].to_pylist(), rows["value"].to_pylist(), strict=True)) == {
        "label 0": 1,
        "label 1": 0,
        "label 2": 1,
    }
    assert rows["n_trials"].to_pylist() == [len(trial.row_N) for trial in trials]
    monkeypatch.setattr(embedding, "TOGETHER", 1)
    assert embedding_scores(encoder, of, trials).values.equals(rows)


def test_rounding_breaks_no_tie(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch):
    """All windows mean the same, but for an error in the seventh digit that knows where the feature fires."""
    of = gallery()
    error_N = [1e-7 * (of.window(row)[0] == WINDOWS["interval"]) for row in of.for_scoring(0).tolist()]

    def encode(_: SentenceEncoder, texts: list[str]) -> torch.Tensor:
        return torch.tensor([[0.5 + e] for e in error_N]) if len(texts) > 1 else torch.ones(1, 1)

    monkeypatch.setattr(SentenceEncoder, "encode", encode)
    rows = embedding_scores(encoder, of, list(detection_trials(of, [Label("a", 0, "any")], {}))).values
    assert rows["value"].to_pylist() == [0.5]


def test_each_window_is_held_against_its_own_label(encoder: SentenceEncoder):
    """Windows of different texts: the cosines behind the areas, one by one."""
    of = gallery()
    labels = [Label(f"label {feature}", feature, "name" * (feature + 1)) for feature in range(3)]
    trials = list(detection_trials(of, labels, {}))
    found = numbers_of(embedding_scores(encoder, of, trials), trials)
    for trial, cosines in zip(trials, found, strict=True):
        for row, cosine in zip(trial.row_N.tolist(), cosines, strict=True):
            one, other = encoder.encode([trial.label.text, "".join(of.window(row)[0])])
            assert cosine == pytest.approx(float(one @ other), abs=2e-5)

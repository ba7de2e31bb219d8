"""Prompts as tokens: what a model is given, and the sentence for what it cannot be."""

from pathlib import Path

import pytest
from tiny_models import save_tiny

from models.experiments.prompt import InvalidPrompt, Prompt, prompts_of
from models.experiments.prompt_encoding import PromptEncoder
from models.language_model.hooked_model import load_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory):
    return load_tokenizer(str(save_tiny("llama", tmp_path_factory.mktemp("llama"))))


@pytest.fixture(scope="module")
def encoder(tokenizer) -> PromptEncoder:
    return PromptEncoder(tokenizer, (tokenizer.bos_token_id,), n_positions=20)


def test_a_prompt_stands_behind_the_prefix_and_its_answer_is_the_next_token(encoder: PromptEncoder):
    [encoded] = encoder.encode([Prompt(0, prompt="return width", answer=" *")], needs_answer=True)
    whole = encoder.tokenizer("return width *", add_special_tokens=False)["input_ids"]
    assert list(encoded.token_ids) == [encoder.tokenizer.bos_token_id, *whole[:-1]]
    assert encoded.answer_id == whole[-1]
    assert encoded.n_special == 1


def test_the_subject_is_found_where_it_stands(encoder: PromptEncoder):
    [encoded] = encoder.encode([Prompt(0, prompt="def area(width, height)", subject="width, h")])
    text = [encoder.tokenizer.decode([encoded.token_ids[position]]) for position in encoded.subject_positions]
    assert "width" in "".join(text)
    assert "area" not in "".join(text)
    assert len(text) < len(encoded.token_ids) - 1


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"prompt": "return width", "answer": " qqqqzzzz"}, "is not one token behind the prompt"),
        ({"prompt": "return width"}, "wants the column answer"),
        ({"prompt": "return ", "answer": " *", "foil": " *"}, "is not one token|are one token"),
        ({"prompt": "x " * 40, "answer": " *"}, "and the model reads 20"),
        ({"prompt": "width", "answer": " *", "subject": "height"}, "does not stand in the prompt"),
        ({"clean": "width", "corrupt": "width height width", "answer": " *"}, "wanted as many"),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_row(encoder: PromptEncoder, row: dict, wanted: str):
    with pytest.raises(InvalidPrompt, match=f"row 3.*({wanted})"):
        encoder.encode([Prompt(3, **row)], needs_answer=True)


def test_a_doubled_bos_is_refused(encoder: PromptEncoder):
    bos = encoder.tokenizer.bos_token
    with pytest.raises(InvalidPrompt, match="is put before every prompt already"):
        encoder.encode([Prompt(0, prompt=f"{bos}return width")])


def test_a_conversation_needs_a_template(encoder: PromptEncoder):
    with pytest.raises(InvalidPrompt, match="no chat template"):
        encoder.encode([Prompt(0, messages=({"role": "user", "content": "width"},))])


@pytest.mark.parametrize(
    ("rows", "kind", "wanted"),
    [
        ([], "prompts", "holds no prompts"),
        ([{"prompt": ""}], "prompts", "row 0: prompt is missing or empty"),
        ([{"prompt": "a", "lable": "b"}], "labelled", "unknown column lable"),
        ([{"clean": "a"}], "contrast_pairs", "corrupt is missing"),
        ([{"prompt": ["a"]}], "prompts", "prompt is a list, wanted text"),
        ([{"messages": [{"role": "user"}]}], "chat", "wanted role and content"),
    ],
)
def test_rows_that_are_no_prompts_are_refused_by_their_number(rows: list, kind, wanted: str):
    with pytest.raises(InvalidPrompt, match=wanted):
        prompts_of(rows, kind, "here")


def test_rows_of_every_file_type_are_the_same_prompts(tmp_path: Path):
    import json

    import polars as pl

    from models.experiments.prompt_source import read_rows

    rows = [{"prompt": "a b", "answer": " c", "other": "1"}, {"prompt": "d", "answer": None, "other": "2"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    pl.DataFrame(rows).write_csv(tmp_path / "rows.csv")
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    wanted = [{"prompt": "a b", "answer": " c", "label": "1"}, {"prompt": "d", "answer": None, "label": "2"}]
    for name in ("rows.jsonl", "rows.json", "rows.csv", "rows.parquet"):
        assert read_rows(str(tmp_path / name), {"label": "other"}, None) == wanted, name
    assert len(read_rows(str(tmp_path / "rows.json"), {}, 1)) == 1
    with pytest.raises(InvalidPrompt, match="no column question; it has prompt, answer, other"):
        read_rows(str(tmp_path / "rows.json"), {"prompt": "question"}, None)
    with pytest.raises(InvalidPrompt, match="is not there"):
        read_rows(str(tmp_path / "none.json"), {}, None)

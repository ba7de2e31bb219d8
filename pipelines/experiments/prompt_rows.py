"""The prompts of an experiment as rows of their table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.experiments.method import ExperimentInput


def prompt_rows(given: "ExperimentInput[Any]") -> list[dict[str, Any]]:
    """Rows of `prompt`: each with its tokens, as the model read them."""
    decode = given.host.tokenizer.decode
    rows = []
    for encoded in given.prompts:
        prompt, corrupt = encoded.prompt, encoded.corrupt_ids
        rows.append(
            {name: getattr(prompt, name) for name in ("answer", "foil", "subject", "group", "label", "language")}
            | {
                "prompt_id": encoded.prompt_id,
                "text": prompt.text,
                "tokens": [decode([token]) for token in encoded.token_ids],
                "corrupt_text": prompt.corrupt,
                "corrupt_tokens": None if corrupt is None else [decode([token]) for token in corrupt],
                "answer_token_id": encoded.answer_id,
                "foil_token_id": encoded.foil_id,
            }
        )
    return rows

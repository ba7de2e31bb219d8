"""The prompts of an experiment, or its images, as rows of their table."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.experiments.method import ExperimentInput
    from models.experiments.vision_method import VisionInput

COLUMNS = ("answer", "foil", "subject", "group", "label", "language")


def prompt_rows(given: "ExperimentInput[Any]") -> list[dict[str, Any]]:
    """Rows of `prompt`: each with its tokens, as the model read them."""
    decode = given.host.tokenizer.decode
    rows = []
    for encoded in given.prompts:
        prompt, corrupt = encoded.prompt, encoded.corrupt_ids
        rows.append(
            {name: getattr(prompt, name) for name in COLUMNS}
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


def image_rows(given: "VisionInput[Any]") -> list[dict[str, Any]]:
    """Rows of `prompt`: each image by its path, with the classes that are asked about by number."""
    return [
        {name: getattr(image.prompt, name) for name in COLUMNS}
        | {
            "prompt_id": image.prompt_id,
            "text": image.prompt.text,
            "tokens": [],
            "corrupt_text": image.prompt.corrupt,
            "corrupt_tokens": None,
            "answer_token_id": image.answer,
            "foil_token_id": image.foil,
        }
        for image in given.images
    ]

"""What fires on a text, as endpoints ask it."""

from web.api.endpoint import Question
from web.text_address import MOST_CHARACTERS
from web.text_reading import Reading


class UnreadableText(ValueError):
    """The text cannot be read here. The message says why."""


def read_text(
    question: Question, model_id: str, recipe_ids: tuple[str, ...], text: str, *, is_chat: bool = False
) -> Reading:
    """A model's reading of a text, by some of its dictionaries.

    Raises:
        UnreadableText: If the text is too long, or nothing here can run the model.
    """
    reader = question.services.reader
    if len(text) > MOST_CHARACTERS:
        raise UnreadableText(f"the text is longer than {MOST_CHARACTERS:,} characters: send less of it")
    if reader is None:
        raise UnreadableText(
            "these pages were started without anything that runs models: start them with `glasshouse serve`"
        )
    try:
        return reader.read(model_id, text, recipe_ids, is_chat, question.report)
    except ValueError as error:
        raise UnreadableText(str(error)) from error

"""What fires on a text, as endpoints ask it."""

from web.api.endpoint import Question
from web.custom_text import MOST_CHARACTERS, Reading


class UnreadableText(ValueError):
    """The text cannot be read here. The message says why."""


def read_text(question: Question, sae_id: str, text: str) -> Reading:
    """A model's and a dictionary's reading of a text.

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
        return reader.read(sae_id, text)
    except ValueError as error:
        raise UnreadableText(str(error)) from error

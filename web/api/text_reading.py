"""What fires on a text, as endpoints ask it."""

from dataclasses import dataclass

from web.api.endpoint import Question
from web.text_address import MOST_CHARACTERS
from web.text_reading import Reading, Token


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


@dataclass(frozen=True, slots=True)
class TextAlone:
    """A dictionary on the tokens of a text, without those that are put around it and special ones."""

    tokens: list[Token]
    activations: list[tuple[int, int, float]]
    """Place among these tokens, feature and activation."""


def read_text_alone(question: Question, model_id: str, recipe_ids: tuple[str, ...], text: str) -> list[TextAlone]:
    """The same for each dictionary in the order asked, in one pass of the model; raises as `read_text`."""
    reading = read_text(question, model_id, recipe_ids, text)
    by_recipe = {dictionary.recipe_id: dictionary for dictionary in reading.dictionaries}
    if refused := [by_recipe[recipe_id].refused for recipe_id in recipe_ids if by_recipe[recipe_id].refused]:
        raise UnreadableText(refused[0])
    tokens = [token for token in reading.tokens if token.is_text]
    text_places = (place for place, token in enumerate(reading.tokens) if token.is_text)
    places = {place: number for number, place in enumerate(text_places)}
    return [
        TextAlone(tokens, [(places[place], feature, act) for place, feature, act in by_recipe[recipe_id].activations])
        for recipe_id in recipe_ids
    ]

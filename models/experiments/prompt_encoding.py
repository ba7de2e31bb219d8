"""Prompts as the token ids that a model is given, with the tokens that are asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.corpora.text_tokens import chat_token_ids, text_token_ids
from models.experiments.prompt import InvalidPrompt, Prompt


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """One prompt of a set under one tokenizer."""

    prompt: Prompt
    token_ids: tuple[int, ...]
    """What the model is given, the special tokens before the text included: the prompt, or the clean one of a pair."""
    n_special: int
    """Special tokens that stand before the text; of a conversation none are counted."""
    corrupt_ids: tuple[int, ...] | None = None
    answer_id: int | None = None
    foil_id: int | None = None
    subject_positions: tuple[int, ...] = ()
    """Positions of the subject's tokens, counted from the first token given."""

    @property
    def prompt_id(self) -> int:
        return self.prompt.prompt_id

    @property
    def group_name(self) -> str:
        """Its group; a prompt without one is a group of its own."""
        return self.prompt.group or f"prompt {self.prompt_id}"


@dataclass(frozen=True, slots=True)
class PromptEncoder:
    """Cuts prompts into the tokens of one model.

    Nothing is put after a prompt: the model is to go on. Names of special tokens inside a text are text.
    """

    tokenizer: Any
    prefix: tuple[int, ...]
    """Special tokens before each text."""
    n_positions: int | None = None
    """Tokens that the model can read; None where it has no limit."""
    max_tokens: int | None = None
    """Tokens of a text's own after which it is cut; None cuts nothing."""

    def encode(
        self, prompts: Sequence[Prompt], *, needs_answer: bool = False, needs_foil: bool = False
    ) -> list[EncodedPrompt]:
        """Every prompt, checked.

        Args:
            prompts: Rows of a set.
            needs_answer: Whether each row has to name an answer of one token.
            needs_foil: Whether each row has to name a foil of one token.

        Raises:
            InvalidPrompt: Naming the row: an answer that is not one token, clean and corrupt of unequal length, a
                doubled BOS, a prompt without text or longer than the model reads, a conversation for a model without a
                chat template.
        """
        return [self._encoded(prompt, needs_answer, needs_foil) for prompt in prompts]

    def _encoded(self, prompt: Prompt, needs_answer: bool, needs_foil: bool) -> EncodedPrompt:
        for name, is_needed in (("answer", needs_answer), ("foil", needs_foil)):
            if is_needed and not getattr(prompt, name):
                raise InvalidPrompt(f"row {prompt.prompt_id}: this method wants the column {name}: add it to the row")
        chat = prompt.messages is not None
        ids = self._chat(prompt) if chat else self._text(prompt, prompt.text)
        corrupt = self._text(prompt, prompt.corrupt) if prompt.corrupt is not None else None
        if corrupt is not None and len(corrupt) != len(ids):
            raise InvalidPrompt(
                f"row {prompt.prompt_id}: clean has {len(ids)} tokens and corrupt {len(corrupt)}, wanted as many, "
                f"token by token: {self._spelled(ids)} and {self._spelled(corrupt)}. Take words of equal length"
            )
        answer, foil = (self._next_token(prompt, name, chat) for name in ("answer", "foil"))
        if answer is not None and answer == foil:
            raise InvalidPrompt(f"row {prompt.prompt_id}: answer and foil are one token: name two")
        n_special = 0 if chat else len(self.prefix)
        return EncodedPrompt(prompt, ids, n_special, corrupt, answer, foil, self._subject(prompt))

    def _text(self, prompt: Prompt, text: str) -> tuple[int, ...]:
        content = text_token_ids(self.tokenizer, [text])[0]
        for name in self.tokenizer.all_special_tokens:
            if text.startswith(name) and self.tokenizer.convert_tokens_to_ids(name) in self.prefix:
                raise InvalidPrompt(
                    f"row {prompt.prompt_id}: the text begins with {name!r}, which is put before every prompt already: "
                    "take it out of the text"
                )
        content = content[: self.max_tokens]
        return self._checked(prompt, (*self.prefix, *content), len(content))

    def _chat(self, prompt: Prompt) -> tuple[int, ...]:
        if getattr(self.tokenizer, "chat_template", None) is None:
            raise InvalidPrompt(
                f"row {prompt.prompt_id} is a conversation, and the tokenizer has no chat template: write it as a "
                "prompt, or ask a model that was tuned for chat"
            )
        from jinja2 import TemplateError

        try:
            ids = chat_token_ids(self.tokenizer, prompt.messages or (), add_generation_prompt=True)
        except (TemplateError, TypeError, KeyError) as error:
            raise InvalidPrompt(
                f"row {prompt.prompt_id}: the chat template refuses the conversation ({error}): mend its roles"
            ) from error
        return self._checked(prompt, tuple(ids), len(ids))

    def _checked(self, prompt: Prompt, ids: tuple[int, ...], n_content: int) -> tuple[int, ...]:
        if not n_content:
            raise InvalidPrompt(f"row {prompt.prompt_id}: the text makes no tokens: write some words")
        if self.n_positions is not None and len(ids) > self.n_positions:
            raise InvalidPrompt(
                f"row {prompt.prompt_id} has {len(ids):,} tokens and the model reads {self.n_positions:,}: shorten it"
            )
        return ids

    def _next_token(self, prompt: Prompt, name: str, chat: bool) -> int | None:
        """The token that an answer is when it follows the prompt."""
        answer = getattr(prompt, name)
        if answer is None:
            return None
        content = () if chat else text_token_ids(self.tokenizer, [prompt.text])[0]
        longer = text_token_ids(self.tokenizer, [answer if chat else prompt.text + answer])[0]
        if len(longer) == len(content) + 1 and longer[: len(content)] == list(content):
            return longer[-1]
        forms = (answer.strip(), " " + answer.strip())
        cut = "; ".join(f"{form!r} is {self._spelled(text_token_ids(self.tokenizer, [form])[0])}" for form in forms)
        raise InvalidPrompt(
            f"row {prompt.prompt_id}: {name} {answer!r} is not one token behind the prompt ({cut}): take a word that "
            "is, with its space in front where the text needs one, and let no prompt end in a space"
        )

    def _subject(self, prompt: Prompt) -> tuple[int, ...]:
        if prompt.subject is None or prompt.messages is not None:
            return ()
        start = prompt.text.find(prompt.subject)
        if start < 0:
            raise InvalidPrompt(
                f"row {prompt.prompt_id}: the subject {prompt.subject!r} does not stand in the prompt: spell it alike"
            )
        spans = self.tokenizer(prompt.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        end = start + len(prompt.subject)
        return tuple(len(self.prefix) + i for i, (low, high) in enumerate(spans) if low < end and high > start)

    def _spelled(self, ids: Sequence[int]) -> str:
        return " ".join(f"[{self.tokenizer.decode([token])}]" for token in ids)

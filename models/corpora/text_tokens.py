"""Tokens of texts and conversations: what a text says of special tokens is text, unless the caller says otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any


def text_token_ids(tokenizer: Any, texts: Sequence[str], *, parse_special: bool = False) -> list[list[int]]:
    """Tokens of each text, none added; names of special tokens are text, or the tokens if `parse_special`."""
    kwargs = {"add_special_tokens": False, "verbose": False, "split_special_tokens": not parse_special}
    return tokenizer(list(texts), **kwargs)["input_ids"]


def chat_token_ids(
    tokenizer: Any, messages: Sequence[Mapping[str, Any]], *, parse_special: bool = False, **template: Any
) -> list[int]:
    """Tokens of a conversation as the chat template writes it, the names of special tokens inside of messages as text.

    Args:
        tokenizer: One with a chat template.
        messages: Each with a `role` and its `content`.
        parse_special: Whether such a name is the token instead.
        template: More that the template is given.

    Raises:
        jinja2.TemplateError, TypeError, KeyError: If the template refuses the conversation, or leaves out a message.
    """
    names = set(tokenizer.all_special_tokens)
    if parse_special or not any(name in str(message["content"]) for message in messages for name in names):
        text = tokenizer.apply_chat_template([dict(m) for m in messages], tokenize=False, **template)
        return text_token_ids(tokenizer, [text], parse_special=True)[0]
    marked = [dict(m) | {"content": f"\ue000{n}\ue001"} for n, m in enumerate(messages)]
    text, ids = tokenizer.apply_chat_template(marked, tokenize=False, **template), []
    for number, message in enumerate(messages):
        before, found, text = text.partition(f"\ue000{number}\ue001")
        if not found:
            raise KeyError(f"message {number} is not shown")
        ids += text_token_ids(tokenizer, [before], parse_special=True)[0]
        ids += text_token_ids(tokenizer, [message["content"]])[0]
    return ids + text_token_ids(tokenizer, [text], parse_special=True)[0]

"""A language model on this machine as explainer and judge: it fills in the form, choosing by likelihood.

Where the form offers a choice (a rating, yes or no, one of some names) the model's most likely option is taken; where
it asks for words they are read off greedily. So every answer fits its form, whatever the model.

Axes: S tokens, V vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch

from models.autointerp.llm_client.messages_client import AttemptFailed
from models.autointerp.llm_client.request import Block, Reply, Usage
from models.corpora.text_tokens import chat_token_ids
from models.language_model.hooked_model import HookedModel

WORDS = 40
"""Tokens of a text at most."""
ITEMS = 32
"""Items of a list without ids at most."""


class LocalProvider:
    """Answers a question of the Messages protocol with a causal LM."""

    def __init__(self, host: HookedModel, context_length: int):
        self._host, self._longest = host, context_length

    async def send(self, body: dict[str, Any]) -> tuple[Reply, str | None]:
        """The reply.

        Raises:
            AttemptFailed: If the question and its answer are longer than the model's context.
        """
        prompt = self._prompt(body)
        with torch.no_grad():
            form = _ConstrainedDecoder(self._host, prompt, self._longest)
            form.fill(body["output_config"]["format"]["schema"])
        usage = Usage(input_tokens=len(prompt), output_tokens=len(form.tokens) - len(prompt))
        return Reply(content=[Block(type="text", text=form.text)], stop_reason="end_turn", usage=usage), None

    def _prompt(self, body: dict[str, Any]) -> list[int]:
        """Tokens of what is asked: a window that names a special token, such as the end of a turn, ends none."""
        tokenizer, turns = self._host.tokenizer, [{"role": "system", "content": body["system"]}, *body["messages"]]
        if getattr(tokenizer, "chat_template", None):
            return chat_token_ids(tokenizer, turns, add_generation_prompt=True)
        text = "\n\n".join(turn["content"] for turn in turns) + "\n\nAnswer as JSON:\n"
        return tokenizer(text, split_special_tokens=True, verbose=False)["input_ids"]


class _ConstrainedDecoder:
    """A form being filled in: the tokens so far, and what the model has read of them."""

    def __init__(self, host: HookedModel, prompt: list[int], longest: int):
        self._model, self._tokenizer, self._longest = host.model, host.tokenizer, longest
        self.tokens, self.text = list(prompt), ""
        self._cache: Any = None
        self._read = 0

    def fill(self, schema: dict[str, Any]) -> None:
        kind = schema["type"]
        if "enum" in schema:
            self._choose([_json(value) for value in schema["enum"]])
        elif kind == "boolean":
            self._choose(["true", "false"])
        elif kind == "integer":
            self._choose([str(n) for n in range(64)])
        elif kind == "string":
            self._write_words()
        elif kind == "array":
            self._fill_items(schema["items"])
        else:
            for place, (name, of) in enumerate(schema["properties"].items()):
                self._add(("{" if place == 0 else ", ") + f'"{name}": ')
                self.fill(of)
            self._add("}")

    def _fill_items(self, item: dict[str, Any]) -> None:
        ids = item.get("properties", {}).get("id", {}).get("enum")
        self._add("[")
        if ids is None:
            for number in range(ITEMS):
                if self._choose(["]", "{" if number == 0 else ", {"]) == "]":
                    return
                self._rest(item)
        for number, name in enumerate(ids or ()):
            self._add((", " if number else "") + f'{{"id": "{name}"')
            for key, of in item["properties"].items():
                if key != "id":
                    self._add(f', "{key}": ')
                    self.fill(of)
            self._add("}")
        self._add("]")

    def _rest(self, item: dict[str, Any]) -> None:
        """An object whose brace is there."""
        for place, (name, of) in enumerate(item["properties"].items()):
            self._add((", " if place else "") + f'"{name}": ')
            self.fill(of)
        self._add("}")

    def _add(self, text: str) -> None:
        self.text += text
        self.tokens += self._tokenizer.encode(text, add_special_tokens=False)

    def _logits(self, more: Sequence[int] = ()) -> torch.Tensor:
        """Log-probabilities after the tokens so far and after each of some more: (1 + more, V)."""
        tokens = [*self.tokens, *more]
        if len(tokens) > self._longest:
            raise AttemptFailed(
                f"question and answer take more than the {self._longest} tokens of the local model's context: show "
                "fewer windows, or name a model with a longer one",
                False,
                False,
            )
        new = torch.tensor([tokens[self._read :]], device=self._model.device)
        said = self._model(new, past_key_values=self._cache, use_cache=True)
        self._cache = said.past_key_values
        self._read = len(self.tokens) - 1  # the last one is read again: its prediction is what is asked for next
        self._cache.crop(self._read - len(tokens))
        return said.logits[0, -1 - len(more) :].float().log_softmax(dim=-1)

    def _choose(self, options: Sequence[str]) -> str:
        """The likeliest option, by the mean over its tokens; ties to the first."""
        scores = []
        for option in options:
            ids = self._tokenizer.encode(option, add_special_tokens=False)
            logits_SV = self._logits(ids[:-1])
            scores.append(float(logits_SV[range(len(ids)), ids].mean()))
        best = options[max(range(len(options)), key=lambda place: (scores[place], -place))]
        self._add(best)
        return best

    def _write_words(self) -> None:
        """Greedily up to a quote or a line break."""
        self._add('"')
        text = ""
        for _ in range(WORDS):
            token = int(self._logits()[0].argmax())
            piece = self._tokenizer.decode([token])
            before, quote, _ = piece.partition('"')
            clean = before.split("\n")[0].replace("\\", "")
            self.tokens.append(token)
            text += "".join(c for c in clean if c.isprintable())
            if quote or "\n" in piece:
                break
        self.text += text.strip() or "none"
        self._add('"')


def _json(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def local_model(source: str, revision: str | None = None) -> tuple[str, LocalProvider]:
    """A model from a folder or the hub, by a name that tells its version."""
    host = HookedModel.load(source, revision, "float32")
    longest = getattr(host.model.config, "max_position_embeddings", None) or host.tokenizer.model_max_length
    return f"{source}@{host.revision[:12]}", LocalProvider(host, int(longest))

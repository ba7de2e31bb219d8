"""A language model on this machine as explainer and judge: it fills in the form, choosing by likelihood.

Where the form offers a choice (a rating, yes or no, one of some names) the model's most likely option is taken; where
it asks for words they are read off greedily. So every answer fits its form, whatever the model. A field `reason` is
left empty: its forty tokens a window would take forty times as long as the rating.

Axes: S tokens, V vocabulary.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from models.autointerp.llm_client.messages_client import AttemptFailed
from models.autointerp.llm_client.request import Block, Reply, Usage
from models.corpora.text_tokens import chat_token_ids
from models.language_model.hooked_model import HookedModel
from models.language_model.unusable_model import UnusableModel

WORDS = 40
"""Tokens of a text at most."""
ITEMS = 32
"""Items of a list without ids at most."""


class LocalProvider:
    """Answers a question of the Messages protocol with a causal LM."""

    def __init__(self, host: HookedModel, context_length: int):
        self._host, self._longest, self._reader = host, context_length, CachedReader(host.model)
        tags = [token for text, token in host.tokenizer.get_vocab().items() if "<" in text or ">" in text]
        self._tags = torch.tensor(tags, dtype=torch.long)

    async def send(self, body: dict[str, Any]) -> tuple[Reply, str | None]:
        """The reply.

        Raises:
            AttemptFailed: If the question and its answer are longer than the model's context.
        """
        prompt = self._prompt(body)
        with torch.no_grad():
            form = _ConstrainedDecoder(self._host, self._reader, prompt, self._longest, self._tags)
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


class CachedReader:
    """Reads tokens with a model that remembers the last ones it read: what two texts begin with is read once."""

    def __init__(self, model: torch.nn.Module):
        self._model, self._cache, self._read = model, DynamicCache(), list[int]()
        self._can_skip_logits = "logits_to_keep" in inspect.signature(model.forward).parameters

    def log_probabilities(self, tokens: Sequence[int], last: int) -> Tensor:
        """Of what comes next, after each of the last tokens: (last, V)."""
        shared = next((i for i, (a, b) in enumerate(zip(self._read, tokens, strict=False)) if a != b), len(self._read))
        shared = min(shared, len(tokens) - last)
        if shared < len(self._read):
            self._cache.crop(shared - len(self._read))
        self._read = list(tokens[:shared])
        new = torch.tensor([tokens[shared:]], device=next(self._model.parameters()).device)
        kept = {"logits_to_keep": last} if self._can_skip_logits else {}
        with torch.no_grad():
            said = self._model(new, past_key_values=self._cache, use_cache=True, **kept)
        self._read = list(tokens)
        return said.logits[0, -last:].float().log_softmax(dim=-1)


class _ConstrainedDecoder:
    """A form being filled in: the tokens so far, and what the model says comes next."""

    def __init__(self, host: HookedModel, reader: CachedReader, prompt: list[int], longest: int, tags: Tensor) -> None:
        self._reader, self._tokenizer, self._longest = reader, host.tokenizer, longest
        self.tokens, self.text = list(prompt), ""
        self._tags, self._id = tags, list[int]()
        """Tokens that no text holds, and the first one of the id that is spoken of, with which none begins."""

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
                self._field(name, of, "{" if place == 0 else ", ")
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
            self._id = self._tokenizer.encode(name, add_special_tokens=False)[:1]
            for key, of in item["properties"].items():
                if key != "id":
                    self._field(key, of, ", ")
            self._add("}")
        self._add("]")

    def _rest(self, item: dict[str, Any]) -> None:
        """An object whose brace is there."""
        for place, (name, of) in enumerate(item["properties"].items()):
            self._field(name, of, ", " if place else "")
        self._add("}")

    def _field(self, name: str, of: dict[str, Any], before: str) -> None:
        self._add(f'{before}"{name}": ')
        if name == "reason":
            self._add('""')
        else:
            self.fill(of)

    def _add(self, text: str) -> None:
        self.text += text
        self.tokens += self._tokenizer.encode(text, add_special_tokens=False)

    def _next(self, more: Sequence[int] = ()) -> Tensor:
        """Log-probabilities after the tokens so far and after each of some more: (1 + more, V)."""
        tokens = [*self.tokens, *more]
        if len(tokens) > self._longest:
            raise AttemptFailed(
                f"question and answer take more than the {self._longest} tokens of the local model's context: show "
                "fewer windows, or name a model with a longer one",
                False,
                False,
            )
        return self._reader.log_probabilities(tokens, 1 + len(more))

    def _choose(self, options: Sequence[str]) -> str:
        """The likeliest option, by the mean over its tokens; ties to the first."""
        ids = [self._tokenizer.encode(option, add_special_tokens=False) for option in options]
        after = {prefix: self._next(prefix) for prefix in dict.fromkeys(tuple(of_option[:-1]) for of_option in ids)}
        scores = [float(after[tuple(i[:-1])][range(len(i)), i].mean()) for i in ids]
        best = options[max(range(len(options)), key=lambda place: (scores[place], -place))]
        self._add(best)
        return best

    def _write_words(self) -> None:
        """Greedily up to a quote or a line break; neither the id nor the question's tags are repeated."""
        self._add('"')
        text = ""
        for number in range(WORDS):
            likely_V = self._next()[0]
            likely_V[self._tags.to(likely_V.device)] = -torch.inf
            if number == 0:
                likely_V[self._id] = -torch.inf
            token = int(likely_V.argmax())
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
    """A model from a folder or the hub, by a name that tells its version.

    It computes in float32: in bfloat16 a model whose first token has a norm of thousands (SmolLM2) answers otherwise,
    and on two cores no sooner.

    Raises:
        UnusableModel: If it cannot be loaded, or cannot take back what it has read.
    """
    host = HookedModel.load(source, revision, "float32")
    prove_rollback(host)
    longest = getattr(host.model.config, "max_position_embeddings", None) or host.tokenizer.model_max_length
    return f"{source}@{host.revision[:12]}", LocalProvider(host, int(longest))


def prove_rollback(host: HookedModel) -> None:
    """Reads tokens, takes some back and reads others: as if these alone had been read.

    Raises:
        UnusableModel: If it is not so, as in models whose memory is a state, not keys and values of each token.
    """
    tokens = [token % host.model.config.get_text_config().vocab_size for token in range(3, 27)]
    reader, alone = CachedReader(host.model), CachedReader(host.model)
    try:
        reader.log_probabilities(tokens, 1)
        again = reader.log_probabilities([*tokens[:9], *tokens[2:7]], 2)
        close = torch.allclose(again, alone.log_probabilities([*tokens[:9], *tokens[2:7]], 2), atol=0.02, rtol=0.01)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        close, why = False, f" ({str(error).splitlines()[0][:200]})"
    else:
        why = ""
    if not close:
        raise UnusableModel(
            f"{host.source} cannot be a local explainer or judge: it cannot take back tokens that it has read{why}. "
            "Name a model all of whose layers attend to keys and values"
        )

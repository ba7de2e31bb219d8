"""A question to an LLM in the Messages protocol, what it may cost at most, and the form of its answer."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from models.autointerp.llm_client.message_content import Shown, message_content, picture_blocks, picture_tokens
from models.autointerp.llm_client.prices import CACHE_WRITE, Price
from models.autointerp.llm_client.request_ledger import key_of

OVERHEAD_TOKENS = 2_000
"""Input tokens allowed for what the provider adds to a prompt of its own (the schema's instructions), when the worst
case is computed."""
BYTES_PER_TOKEN = 5
"""No prompt of ours has longer tokens on average: what is asked to be kept is then long enough to be kept."""


@dataclass(frozen=True)
class Request:
    """One question: what it is for and the body that is sent."""

    purpose: str
    body: dict[str, Any]

    @classmethod
    def structured(
        cls,
        purpose: str,
        llm: str,
        system: str,
        content: Shown,
        schema: dict[str, Any],
        max_tokens: int,
        price: Price | None = None,
    ) -> "Request":
        """One turn, to be answered with JSON by a schema; instructions that are long enough are kept by the provider
        for the next requests."""
        config: dict[str, Any] = {"format": {"type": "json_schema", "schema": schema}}
        said: Any = system
        if price is not None and price.effort:
            config["effort"] = price.effort
        if price is not None and len(system.encode()) >= BYTES_PER_TOKEN * price.cached_from:
            said = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
        body = {"model": llm, "max_tokens": max_tokens, "system": said, "output_config": config}
        return cls(purpose, body | {"messages": [{"role": "user", "content": message_content(content)}]})

    @cached_property
    def key(self) -> str:
        return key_of(self.body)

    @cached_property
    def n_bytes(self) -> int:
        return len(json.dumps(self.body, ensure_ascii=False).encode())

    @cached_property
    def text_bytes(self) -> int:
        """Without the pictures, whose tokens are told by their sizes."""
        return self.n_bytes - sum(len(source["data"]) for source in picture_blocks(self.body))

    @cached_property
    def picture_tokens(self) -> int:
        return picture_tokens(self.body)

    def repaired(self, answer: str, error: str) -> "Request":
        """The same question, with an unreadable answer and what is wrong with it."""
        turns = [
            {"role": "assistant", "content": answer or "(empty)"},
            {
                "role": "user",
                "content": f"That answer could not be used: {error}. Answer again, as JSON by the schema and nothing "
                "else.",
            },
        ]
        return Request(self.purpose, self.body | {"messages": [*self.body["messages"], *turns]})

    def worst_usd(self, price: Price, *, batched: bool = False) -> float:
        """No more than this: a token of the prompt is at least one byte of its text, or one that a picture counts for,
        and the answer stops at `max_tokens`."""
        tokens, kept = self.text_bytes + self.picture_tokens + OVERHEAD_TOKENS, not isinstance(self.body["system"], str)
        return price.cost(round(tokens * (CACHE_WRITE if kept else 1)) + 1, self.body["max_tokens"], batched=batched)


class Block(BaseModel):
    type: str
    text: str = ""


class Usage(BaseModel):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Tokens by the names of the ledger and the prices."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_write_tokens": self.cache_creation_input_tokens or 0,
            "cache_read_tokens": self.cache_read_input_tokens or 0,
        }


class Reply(BaseModel):
    """The part of a Messages answer that is used."""

    content: list[Block]
    stop_reason: str | None
    usage: Usage

    @property
    def status(self) -> str:
        stops = {"refusal": "refused", "max_tokens": "max_tokens", "model_context_window_exceeded": "max_tokens"}
        return stops.get(self.stop_reason or "", "ok")

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.content if block.type == "text")

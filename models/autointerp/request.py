"""A question to an LLM in the Messages protocol, what it may cost at most, and the form of its answer."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from models.autointerp.ledger import key_of
from models.autointerp.prices import Price, price_of

OVERHEAD_TOKENS = 2_000
"""Input tokens allowed for what the provider adds to a prompt of its own (the schema's instructions), when the worst
case is computed."""


@dataclass(frozen=True)
class Request:
    """One question: what it is for and the body that is sent."""

    purpose: str
    body: dict[str, Any]

    @classmethod
    def structured(
        cls, purpose: str, llm: str, system: str, content: str, schema: dict[str, Any], max_tokens: int
    ) -> "Request":
        """One turn, to be answered with JSON by a schema."""
        effort = price_of(llm).effort
        config = {"format": {"type": "json_schema", "schema": schema}} | ({"effort": effort} if effort else {})
        body = {"model": llm, "max_tokens": max_tokens, "system": system, "output_config": config}
        return cls(purpose, body | {"messages": [{"role": "user", "content": content}]})

    @cached_property
    def key(self) -> str:
        return key_of(self.body)

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

    def worst_usd(self, price: Price) -> float:
        """No more than this: a token of the prompt is at least one byte of what is sent, and the answer stops at
        `max_tokens`."""
        return price.cost(
            len(json.dumps(self.body, ensure_ascii=False).encode()) + OVERHEAD_TOKENS, self.body["max_tokens"]
        )


class Block(BaseModel):
    type: str
    text: str = ""


class Usage(BaseModel):
    input_tokens: int
    output_tokens: int


class Reply(BaseModel):
    """The part of a Messages answer that is used. Nothing is sent that would be cached, so usage has two counts."""

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

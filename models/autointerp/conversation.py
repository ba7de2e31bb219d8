"""One question and, where its answer cannot be read, the same question once more with what was wrong."""

from models.autointerp.forms import Form, Parsed
from models.autointerp.ledger import Answer
from models.autointerp.llm import Ask
from models.autointerp.request import Request


async def converse(ask: Ask, request: Request, form: Form) -> tuple[Parsed, str, tuple[Answer, ...]]:
    """What an LLM says, the status ('ok', or why it says nothing that can be read), and all that was asked for it."""
    first = await ask(request)
    if first.status != "ok":
        return Parsed({}, {}, first.error or _why(first)), first.status, (first,)
    parsed = form.parse(first.text)
    if not parsed.error:
        return parsed, "ok", (first,)
    second = await ask(request.repaired(first.text, parsed.error))
    if second.status != "ok":
        error = f"{parsed.error}; asked again: {second.error or _why(second)}"
        return Parsed({}, {}, error), "parse_error", (first, second)
    parsed = form.parse(second.text)
    return parsed, "parse_error" if parsed.error else "ok", (first, second)


def _why(answer: Answer) -> str:
    return {
        "refused": f"the model refused: {answer.text[:200]}" if answer.text else "the model refused",
        "max_tokens": "the answer was cut off at the limit of tokens",
    }.get(answer.status, answer.status)

"""A made-up corpus in which it is known where features fire: on digits, on French words, inside quotes.

A feature fires on exactly the tokens on which its rule holds, with strengths drawn by hash. Examples are drawn as the
statistics draw them: from every interval of activation, and controls in which the feature is silent.
"""

import hashlib

import pyarrow as pa
from rule_judge import FRENCH, RULES

from models.autointerp.feature_data import FeatureData
from storage.table_schemas.example import SCHEMA as EXAMPLE

WINDOW = 16
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "ran", "over", "hills", "of", "gold", "in", "rain"]
INTERVALS, PER_INTERVAL, CONTROLS = 5, 6, 24


def _hash(*parts: object) -> int:
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:12], 16)


def _context(number: int) -> list[str]:
    """Plain words with one of each: a number, a French word, a quotation; one in four contexts lacks each of them."""
    tokens = [" " + WORDS[_hash(number, i) % len(WORDS)] for i in range(WINDOW)]
    for place, (kind, width) in enumerate((("digits", 1), ("French words", 1), ("words inside quotes", 3))):
        if _hash(number, kind, "there") % 4 == 0:
            continue
        at = 1 + 5 * place + _hash(number, kind) % 2
        if kind == "digits":
            tokens[at] = f" {_hash(number, 'digit') % 900 + 100}"
        elif kind == "French words":
            tokens[at] = " " + sorted(FRENCH)[_hash(number, "french") % len(FRENCH)]
        else:
            tokens[at : at + width] = [' "', WORDS[_hash(number, "word") % len(WORDS)], '"']
    return tokens


def planted(n_contexts: int = 4_000) -> FeatureData:
    """Feature n follows the n-th rule of `rule_judge.RULES`."""
    rows = []
    for feature, rule in enumerate(RULES.values()):
        kept: dict[int | None, list[dict]] = {}
        for context in range(n_contexts):
            tokens = _context(context)
            holds = rule(tokens)
            acts = [_hash(context, i, feature) % 1000 / 1000 + 0.001 if held else 0.0 for i, held in enumerate(holds)]
            peak = max(range(WINDOW), key=lambda i: acts[i]) if any(holds) else _hash(context, "peak") % WINDOW
            interval = min(INTERVALS - 1, int(acts[peak] / 1.001 * INTERVALS)) if any(holds) else None
            wanted = CONTROLS if interval is None else PER_INTERVAL
            some = kept.setdefault(interval, [])
            if len(some) < wanted:
                some.append(_row(feature, interval, len(some), context, tokens, acts, peak))
        rows += [row for some in kept.values() for row in some]
    return FeatureData("planted/truth", pa.Table.from_pylist(rows, schema=EXAMPLE))


def _row(
    feature: int, interval: int | None, rank: int, context: int, tokens: list[str], acts: list[float], peak: int
) -> dict:
    return {
        "feature_id": feature,
        "kind": "control" if interval is None else "interval",
        "interval_index": interval,
        "rank": rank,
        "example_id": f"{_hash(feature, context):012x}",
        "context_id": context,
        "document_id": f"document {context}",
        "position": peak,
        "activation": acts[peak],
        "tokens": tokens,
        "activations": acts,
        "peak": peak,
    }

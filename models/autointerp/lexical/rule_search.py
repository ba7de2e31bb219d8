"""Finds the rule that tells a feature's tokens best from the rest of the corpus.

A rule that holds on a share c of the feature's examples (weighted by activation) and on a share b of the corpus is
worth n · KL(c ‖ b) nats, the evidence that n examples give for it, less what it takes to write it down. So a common
token needs nearly all examples to be worth naming, and a rare one few; one more value, or one more condition, has to
earn its place.

Axes: N examples, U candidate values of a family, F flags.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.autointerp.lexical.corpus_rates import CorpusRates
from models.autointerp.lexical.rule_language import MAIN, PLACES, SHAPES, Rule, Term, format_rule
from models.autointerp.lexical.token_windows import TokenWindows

VALUES = {"token": 4, "word": 4, "previous": 3, "head": 2, "near": 2}
"""Values that a term may name; one where nothing is said."""
DESCRIPTION_LENGTH = {
    "token": 6.0,
    "word": 6.0,
    "previous": 6.0,
    "before": 7.0,
    "head": 6.0,
    "near": 8.0,
    "shape": 3.0,
    "previous shape": 4.0,
    "place": 5.0,
}
"""Nats to write a value down: about the logarithm of how many there are to choose from."""
ANOTHER_TERM = 2.0
BEAM_WIDTH = 2
"""Rules that are grown further: more of them find what fits these examples and no others."""
TERMS = 3
WORDS = 12
MIN_COVERAGE = 0.4
"""A label holds on at least this share of the examples, or it says of itself that it is unclear."""
NEAR_SAMPLE = 250
UNSEEN = 2.0
"""A condition is taken to hold at so many places besides those looked at: what was seen seldom is no evidence."""


OWN = 100
"""Firings that a feature's own share of the start of a context is taken to be counted on."""
MOSTLY = 0.5
_START = PLACES.index("at the start of a context")


@dataclass(frozen=True, slots=True)
class PeakTokens:
    """The peaks of one feature's examples on a tape, and how much each counts (1: the strongest)."""

    tape: TokenWindows
    at_N: np.ndarray
    weight_N: np.ndarray
    start_share: float | None = None
    """Share of the feature's firings at the start of a context. Position is a confounder: examples there say nothing of
    the feature that its firings, wherever they are, do not say already."""

    def place_rates(self, rate_F: np.ndarray) -> np.ndarray:
        """Rates of the places, with the feature's own of the start of a context; where that is not most of its firings,
        it is no part of a label, whatever the strongest examples are."""
        if self.start_share is None:
            return rate_F
        own_F = rate_F.copy()
        own = (self.start_share * OWN + 0.5) / (OWN + 1)
        own_F[_START] = max(own_F[_START], own) if self.start_share >= MOSTLY else 1.0
        return own_F

    @property
    def total(self) -> float:
        return float(self.weight_N.sum())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule, the examples on which it holds, how often it holds in the corpus, and what it is worth in nats."""

    rule: Rule
    holds_N: np.ndarray
    rate: float
    cost: float
    worth: float


def divergence(c: float, b: float) -> float:
    """KL(c ‖ b) of two coins in nats, where the first comes up more often; 0 where it does not."""
    if c <= b:
        return 0.0
    rest = (1 - c) * math.log((1 - c) / (1 - b)) if c < 1 - 1e-9 else 0.0
    return c * math.log(c / max(b, 1e-9)) + rest


def best_rule(evidence: PeakTokens, corpus: CorpusRates) -> tuple[Rule, bool]:
    """The rule worth most, and whether it is clear; of an unclear one only the first term, the rest would be chance.

    Ties go to the family named first, then to the lower value.
    """
    nothing = Candidate(Rule(()), np.ones(len(evidence.at_N), bool), 1.0, 0.0, 0.0)
    starts = sorted(_extended(nothing, evidence, corpus), key=lambda found: -found.worth)[:BEAM_WIDTH]
    best = max((_extend_greedily(start, evidence, corpus) for start in starts), key=lambda found: found.worth)
    covered = float(evidence.weight_N[best.holds_N].sum()) / evidence.total
    clear = best.worth > 0 and covered >= MIN_COVERAGE
    return _short(best.rule if clear else starts[0].rule), clear


def _extend_greedily(start: Candidate, evidence: PeakTokens, corpus: CorpusRates) -> Candidate:
    """Adds the term that is worth most until none is worth its words."""
    while len(start.rule.terms) < TERMS:
        best = max(_extended(start, evidence, corpus), key=lambda found: found.worth, default=start)
        if best.worth <= start.worth:
            break
        start = best
    return start


def _extended(given: Candidate, evidence: PeakTokens, corpus: CorpusRates) -> Iterator[Candidate]:
    """For each family that the rule does not look at yet, the rule with that family's best term."""
    taken = {term.family for term in given.rule.terms}
    places = corpus.places_of(given.rule) if given.rule.terms else None
    for family in DESCRIPTION_LENGTH:
        if family in taken or (family in MAIN and taken & set(MAIN)):
            continue
        look = _flags if family in ("shape", "previous shape", "place") else _near if family == "near" else _texts
        found = look(family, given, evidence, corpus, places)
        if found is not None:
            yield found


def _rate_given(counts_U: np.ndarray, n: int) -> np.ndarray:
    """How often values hold where a rule does, of which n places were looked at."""
    return (counts_U + UNSEEN) / (n + UNSEEN)


def _texts(
    family: str, given: Candidate, evidence: PeakTokens, corpus: CorpusRates, places: np.ndarray | None
) -> Candidate | None:
    """The best few texts, or words, that a token, its forerunner or its line's head may be."""
    value_N = np.where(given.holds_N, evidence.tape.numbers_S(family)[evidence.at_N], -1)
    value_U = np.unique(value_N)
    value_U = value_U[value_U >= 0]
    rate_U = corpus.of_family(family)[value_U]
    if places is not None:
        seen = corpus.tape.numbers_S(family)[places]
        rate_U = _rate_given(np.count_nonzero(seen == value_U[:, None], axis=1), len(places))
    names = corpus.vocabulary.words if family == "word" else corpus.vocabulary.texts
    return _chosen(family, given, evidence, [names[v] for v in value_U], rate_U, value_N == value_U[:, None])


def _near(
    family: str, given: Candidate, evidence: PeakTokens, corpus: CorpusRates, places: np.ndarray | None
) -> Candidate | None:
    """The best few words among the tokens before; one that few examples have in common is none."""
    words_NB = np.where(given.holds_N[:, None], evidence.tape.words_before(evidence.at_N), -1)
    value_U, often_U = np.unique(words_NB, return_counts=True)
    value_U = value_U[(often_U >= 3) & (value_U >= 0)]
    rate_U = corpus.of_family(family)[value_U]
    if places is not None:
        some = places[:: max(1, len(places) // NEAR_SAMPLE)]
        seen = corpus.tape.words_before(some)
        rate_U = _rate_given(np.array([np.count_nonzero(seen == value) for value in value_U]), len(some))
    holds_UN = (words_NB == value_U[:, None, None]).any(axis=2)
    names = [corpus.vocabulary.words[value] for value in value_U]
    return _chosen(family, given, evidence, names, rate_U, holds_UN)


def _flags(
    family: str, given: Candidate, evidence: PeakTokens, corpus: CorpusRates, places: np.ndarray | None
) -> Candidate | None:
    """The best shape or place."""
    names = PLACES if family == "place" else SHAPES
    flags_FN = (evidence.tape.bits_S(family)[evidence.at_N] >> np.arange(len(names))[:, None] & 1).astype(bool)
    flags_FN &= given.holds_N
    rate_F = corpus.of_family(family)
    if places is not None:
        seen_FM = corpus.tape.bits_S(family)[places] >> np.arange(len(names))[:, None] & 1
        rate_F = _rate_given(seen_FM.sum(axis=1), len(places))
    if family == "place":
        rate_F = evidence.place_rates(rate_F)
    return _chosen(family, given, evidence, names, rate_F, flags_FN)


def _chosen(
    family: str, given: Candidate, evidence: PeakTokens, names: Sequence[str], rate_U: np.ndarray, holds_UN: np.ndarray
) -> Candidate | None:
    """The values that together are worth most: the best one, then each next that adds more than it costs."""
    total, most = evidence.total, VALUES.get(family, 1)
    share_U = np.maximum(holds_UN @ evidence.weight_N / total, 1e-9)
    order: list[int] = np.argsort(-share_U * np.log(share_U / (rate_U * given.rate)), kind="stable")[
        : 2 * most
    ].tolist()
    best, values = None, list[int]()
    for value in order:
        some = [*values, value]
        held_N = np.asarray(holds_UN[some].any(axis=0))
        rate = min(1.0, float(rate_U[some].sum()) * given.rate)
        cost = given.cost + DESCRIPTION_LENGTH[family] * len(some) + (ANOTHER_TERM if given.rule.terms else 0.0)
        share = min(1.0, float(evidence.weight_N @ held_N) / total)
        worth = total * divergence(share, rate) - cost
        if best is None or worth > best.worth:
            term = Term(family, tuple(names[v] for v in some))
            best, values = Candidate(Rule((*given.rule.terms, term)), held_N, rate, cost, worth), some
        if len(values) == most:
            break
    return best


def _short(rule: Rule) -> Rule:
    """The rule cut down until its label has no more than WORDS words: last values first, then the last term."""
    terms = list(rule.terms)
    while len(format_rule(Rule(tuple(terms))).split()) > WORDS and (len(terms) > 1 or len(terms[0].values) > 1):
        longest = max(range(len(terms)), key=lambda i: (len(terms[i].values), i))
        if len(terms[longest].values) > 1:
            terms[longest] = Term(terms[longest].family, terms[longest].values[:-1])
        else:
            terms.pop()
    return Rule(tuple(terms))

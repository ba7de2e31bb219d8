"""An explainer and a judge that need no language model, no key and no network: an honest baseline, exact in what it
says.

The explainer looks for the rule (a token, a word, a shape; what stands before; where it stands) that tells a feature's
examples from the rest of the corpus, and writes it down. The judge reads the label back and checks it, token by token.
Neither understands anything: a topic is beyond them, and so is what a token means.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import TypeVar

import numpy as np

from models.autointerp.exhibits import Exhibits
from models.autointerp.gallery import Gallery
from models.autointerp.label import Rule, Term, read, write
from models.autointerp.ledger import Answer
from models.autointerp.rates import Rates
from models.autointerp.rows import Explanation, Progress, silent
from models.autointerp.rule_search import WORDS, Evidence, best_rule
from models.autointerp.trials import Trial, Verdict
from models.autointerp.vocabulary import Vocabulary, text_of

ABOUT_POSITION = 0.9
"""Share of a feature's firings at the start of a context from which a feature that no clear rule tells is said to be
about position."""
AT_START = Rule((Term("place", ("at the start of a context",)),))
BLOCK = 512
"""Features or trials that are laid out on one tape."""
LONGEST = 24
"""Letters of a word that is shown beside a label."""
CLOSE = 5
"""Tokens from the peak within which a match counts for 2."""


_Some = TypeVar("_Some")


def _blocks(items: Sequence[_Some]) -> Iterator[Sequence[_Some]]:
    return (items[i : i + BLOCK] for i in range(0, len(items), BLOCK))


class LexicalExplainer:
    """Labels a feature by the rule that its examples follow and the corpus does not."""

    name = "lexical"

    def __init__(self, background: Mapping[str, int]):
        self.counts = background

    def explain(self, exhibits: Exhibits, features: Sequence[int], progress: Progress = silent) -> list[Explanation]:
        gallery = exhibits.gallery
        strings = set(gallery.strings)
        vocabulary = Vocabulary.of([*gallery.strings, *sorted(token for token in self.counts if token not in strings)])
        corpus = Rates.of(gallery, vocabulary, self.counts)
        found: list[Explanation] = []
        for block in _blocks(features):
            rows = [exhibits.windows(feature) for feature in block]
            tape = gallery.tape(vocabulary, np.concatenate(rows))
            first = 0
            for feature, rows_N in zip(block, rows, strict=True):
                at_N = tape.start_R[first : first + len(rows_N)] + gallery.peak_R[rows_N]
                first += len(rows_N)
                share = exhibits.start_shares.get(feature)
                evidence = Evidence(tape, at_N, _weights(gallery, rows_N), share)
                found.append(self._explanation(gallery, feature, rows_N, evidence, corpus))
            progress(len(found), len(features))
        return found

    def _explanation(
        self, gallery: Gallery, feature: int, rows_N: np.ndarray, evidence: Evidence, corpus: Rates
    ) -> Explanation:
        if not len(rows_N):
            error = "no window in which it fires is for explaining"
            return Explanation(feature, self.name, None, "no_examples", 0, error=error)
        rule, clear = best_rule(evidence, corpus)
        if not clear and (evidence.start_share or 0.0) >= ABOUT_POSITION:
            return Explanation(feature, self.name, write(AT_START), "ok", len(rows_N))
        label = write(rule, clear=clear, seen_in=_whole_words(gallery, rows_N, evidence.weight_N, rule))
        if len(label.split()) > WORDS:
            label = write(rule, clear=clear)
        return Explanation(feature, self.name, label, "ok", len(rows_N))


def _whole_words(gallery: Gallery, rows_N: np.ndarray, weight_N: np.ndarray, rule: Rule) -> list[str]:
    """Two words that a rule's tokens are pieces of, of different tokens if possible; none where most are whole."""
    pieces: dict[str, dict[str, float]] = {text: {} for text in rule.get("token")}
    balance = 0.0
    for row, weight in zip(rows_N.tolist(), weight_N.tolist(), strict=True):
        tokens, _, peak = gallery.window(row)
        text = text_of(tokens[peak])
        if text in pieces:
            word = _word_around(tokens, peak)
            balance += weight if word != text else -weight
            if word != text and len(word) <= LONGEST:
                pieces[text][word] = pieces[text].get(word, 0.0) + weight
    if balance <= 0:
        return []
    ranked = [sorted(words, key=lambda word: (-words[word], word)) for words in pieces.values() if words]
    best = [words[place] for place in range(2) for words in ranked if len(words) > place]
    return list(dict.fromkeys(best))[:2]


def _word_around(tokens: Sequence[str], peak: int) -> str:
    """The letters, digits and underscores around and in a token; where it has other signs, the token's text."""
    piece = text_of(tokens[peak])
    if not piece.isalpha():
        return piece
    before = "" if tokens[peak][:1] == " " else re.findall(r"\w*$", "".join(tokens[max(0, peak - 6) : peak]))[0]
    return before + piece + re.findall(r"^\w*", "".join(tokens[peak + 1 : peak + 7]))[0]


def _weights(gallery: Gallery, rows_N: np.ndarray) -> np.ndarray:
    """How much each example counts: as it activates, less where its document has more of them, for documents repeat."""
    activation_N = gallery.activation_R[rows_N]
    _, which_N, count_U = np.unique(gallery.document_R[rows_N], return_inverse=True, return_counts=True)
    return activation_N / activation_N.max(initial=1e-30) / np.sqrt(count_U[which_N])


class LexicalJudge:
    """Holds a label's rule against a window, token by token.

    specificity: 3 where it holds on the peak, 2 within 5 tokens of it, 1 elsewhere in the window, 0 nowhere.
    detection: whether it holds anywhere in the window. fuzzing: whether it holds on at least half of the marked tokens.
    simulation: a strength of 10 where it holds, else 0.
    """

    name = "lexical"

    def judge(
        self, task: str, gallery: Gallery, trials: Sequence[Trial], progress: Progress = silent
    ) -> tuple[list[list[Verdict]], list[Answer]]:
        vocabulary = Vocabulary.of(gallery.strings)
        judged: list[list[Verdict]] = []
        for block in _blocks(trials):
            row_N = np.concatenate([trial.row_N for trial in block])
            tape = gallery.tape(vocabulary, row_N)
            ends = np.cumsum([len(trial.row_N) for trial in block]).tolist()
            spans = [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
            edges = [slice(*tape.start_R[[span.start, span.stop]].tolist()) for span in spans]
            rules = [read(trial.label.text) for trial in block]
            held_S = np.concatenate([tape.follows(rule, edge) for rule, edge in zip(rules, edges, strict=True)])
            verdicts = _verdicts(task, held_S, tape.start_R, gallery.peak_R[row_N], block)
            judged += [verdicts[span] for span in spans]
            progress(len(judged), len(trials))
        return judged, []


_YES_NO = (Verdict(False), Verdict(True))
_RATINGS = (
    Verdict(0, reason="the rule holds nowhere in the window"),
    Verdict(1, reason=f"the rule holds more than {CLOSE} tokens from the marked one only"),
    Verdict(2, reason=f"the rule holds within {CLOSE} tokens of the marked one"),
    Verdict(3, reason="the rule holds on the marked token"),
)


def _verdicts(
    task: str, held_S: np.ndarray, start_N: np.ndarray, peak_N: np.ndarray, block: Sequence[Trial]
) -> list[Verdict]:
    """A verdict for each window, from where the rules hold."""
    if task == "specificity":
        return [_RATINGS[rating] for rating in ratings_of(held_S, start_N, peak_N).tolist()]
    if task == "simulation":
        strengths, edges = (held_S * 10).tolist(), start_N.tolist()
        return [Verdict(strengths[a:b]) for a, b in pairwise(edges)]
    if task == "detection":
        total = np.concatenate([[0], np.cumsum(held_S)])
        return [_YES_NO[found] for found in (total[start_N[1:]] > total[start_N[:-1]]).tolist()]
    assert task == "fuzzing", task
    marked = list(chain.from_iterable(trial.marked for trial in block))
    n_marks_N = np.array([len(marks) for marks in marked])
    window_M = np.repeat(np.arange(len(marked)), n_marks_N)
    at_M = start_N[window_M] + np.fromiter(chain.from_iterable(marked), np.int64, len(window_M))
    hits_N = np.bincount(window_M[held_S[at_M]], minlength=len(marked))
    return [_YES_NO[found] for found in ((2 * hits_N >= n_marks_N) & (n_marks_N > 0)).tolist()]


def ratings_of(held: np.ndarray, start_N: np.ndarray, peak_N: np.ndarray) -> np.ndarray:
    """Ratings of windows that lie one after another, from where a rule holds in them.

    Args:
        held: For every token of the windows.
        start_N: Where each window starts, and where the last one ends.
        peak_N: The peak of each window, from its start.
    """
    total = np.concatenate([[0], np.cumsum(held)])
    at = start_N[:-1] + peak_N
    inside = total[start_N[1:]] - total[start_N[:-1]] > 0
    close = total[np.minimum(at + CLOSE + 1, start_N[1:])] - total[np.maximum(at - CLOSE, start_N[:-1])] > 0
    return np.where(held[at], 3, np.where(close, 2, inside.astype(np.int64)))

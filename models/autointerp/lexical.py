"""An explainer and a judge that need no language model, no key and no network: an honest baseline, exact in what it
says.

The explainer looks for the rule (a token, a word, a shape; what stands before; where it stands) that tells a feature's
examples from the rest of the corpus, and writes it down. The judge reads the label back and checks it, token by token.
Neither understands anything: a topic is beyond them, and so is what a token means.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from models.autointerp.gallery import Gallery
from models.autointerp.label import Rule, read, write
from models.autointerp.ledger import Answer
from models.autointerp.rates import Rates
from models.autointerp.rows import Explanation, Progress, Rating, silent
from models.autointerp.rule_search import WORDS, Evidence, best_rule
from models.autointerp.vocabulary import Vocabulary, text_of

BLOCK = 512
"""Features that are laid out on one tape."""
LONGEST = 24
"""Letters of a word that is shown beside a label."""
CLOSE = 5
"""Tokens from the peak within which a match counts for 2."""


def _blocks(features: Sequence[int]) -> Iterator[Sequence[int]]:
    return (features[i : i + BLOCK] for i in range(0, len(features), BLOCK))


class LexicalExplainer:
    """Labels a feature by the rule that its examples follow and the corpus does not."""

    name = "lexical"

    def __init__(self, background: Mapping[str, int]):
        self.counts = background

    def explain(self, gallery: Gallery, features: Sequence[int], progress: Progress = silent) -> list[Explanation]:
        strings = set(gallery.strings)
        vocabulary = Vocabulary.of([*gallery.strings, *sorted(token for token in self.counts if token not in strings)])
        corpus = Rates.of(gallery, vocabulary, self.counts)
        found: list[Explanation] = []
        for block in _blocks(features):
            rows = [gallery.for_explaining(feature) for feature in block]
            tape = gallery.tape(vocabulary, np.concatenate(rows))
            first = 0
            for feature, rows_N in zip(block, rows, strict=True):
                at_N = tape.start_R[first : first + len(rows_N)] + gallery.peak_R[rows_N]
                first += len(rows_N)
                evidence = Evidence(tape, at_N, _weights(gallery, rows_N))
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
    """Rates an example by where the label's rule holds in it.

    3 on the peak, 2 within 5 tokens of it, 1 elsewhere in the window, 0 nowhere.
    """

    name = "lexical"

    def rate(
        self, gallery: Gallery, labels: dict[int, str], progress: Progress = silent
    ) -> tuple[list[Rating], list[Answer]]:
        vocabulary = Vocabulary.of(gallery.strings)
        found: list[Rating] = []
        done = 0
        for block in _blocks(sorted(labels)):
            rows = [gallery.for_scoring(feature) for feature in block]
            tape = gallery.tape(vocabulary, np.concatenate(rows))
            first = 0
            for feature, rows_N in zip(block, rows, strict=True):
                start_N = tape.start_R[first : first + len(rows_N) + 1]
                first += len(rows_N)
                held = tape.follows(read(labels[feature]), slice(int(start_N[0]), int(start_N[-1])))
                ratings = ratings_of(held, start_N - start_N[0], gallery.peak_R[rows_N])
                found += [Rating(int(row), int(rating)) for row, rating in zip(rows_N, ratings, strict=True)]
            done += len(block)
            progress(done, len(labels))
        return found, []


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

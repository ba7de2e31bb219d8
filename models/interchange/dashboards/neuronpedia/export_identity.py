"""What every line of one export repeats: whose it is, and the names that Neuronpedia gives it."""

import hashlib
import re
from dataclasses import dataclass

CREATOR = "clkht01d40000jv08hvalcvly"
"""The user that Neuronpedia's own converters name where they know no other."""
_OURS = re.compile(r"Exported by Glasshouse: (\d+) tokens, (\d+) features\. ")


@dataclass(frozen=True, slots=True)
class ExportIdentity:
    """Names of a dictionary at Neuronpedia, and when its rows were made."""

    model: str
    source_set: str
    site: str
    layer: int | None
    created_at: str
    """ISO 8601, UTC."""
    creator: str = CREATOR

    @property
    def source(self) -> str:
        """`{layer}-{sourceSet}`; the embedding, which belongs to no block, counts as layer 0."""
        return f"{self.layer or 0}-{self.source_set}"

    def identifier(self, *of: object) -> str:
        """A row's id, the same at every export."""
        text = "\0".join(map(str, (self.model, self.source, *of)))
        return "c" + hashlib.sha256(text.encode()).hexdigest()[:24]


def notes_of(n_tokens: int, n_features: int) -> str:
    """What stands in `notes` of a source of ours: the counts that the layout has no key for, and how to read the keys
    that others fill otherwise."""
    return (
        f"Exported by Glasshouse: {n_tokens} tokens, {n_features} features. correlated_features_l1 is the Jaccard "
        "index of the tokens on which both features fire; correlated_features_pearson is the correlation of whether "
        "they fire (phi), over all tokens. Heights of freq_hist are tokens."
    )


def counts_in(notes: str | None) -> tuple[int, int] | None:
    """Tokens and features, where the source is one of ours."""
    match = _OURS.match(notes or "")
    return (int(match[1]), int(match[2])) if match else None

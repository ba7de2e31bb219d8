"""What fixes the shape of a sparse dictionary, as a recipe says it; no torch, so that reading a recipe is cheap."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.bounds import MOST_FEATURES, Bounds, FeatureCount
from models.config_base import Settings
from models.language_model.site_by_block import checked_name

APPLIES_TO: dict[str, tuple[str, ...]] = {
    "sparsity_coefficient": ("standard", "p_anneal", "gated", "jumprelu", "cross_layer_transcoder"),
    "sparsity_penalty": ("jumprelu",),
    "ste_bandwidth": ("jumprelu", "cross_layer_transcoder"),
    "activation": ("cross_layer_transcoder",),
    "matryoshka_fractions": ("matryoshka_batchtopk",),
}
"""Settings that mean something to some architectures only."""
ProvenanceField = Literal["model", "model_processing", "site", "context_length", "prepend_bos"]
"""What the file of an imported dictionary may name, and cards say too."""


class SAESettings(Settings):
    """What fixes the shape of a dictionary, and what makes it sparse."""

    architecture: Literal[
        "topk",
        "batchtopk",
        "matryoshka_batchtopk",
        "jumprelu",
        "standard",
        "p_anneal",
        "gated",
        "neurons",
        "cross_layer_transcoder",
    ] = "topk"
    """Which file of `models/` builds it. `neurons` learns nothing: its features are the site's neurons.
    `cross_layer_transcoder` reads a block and writes it and all later ones; its blocks are trained together."""
    expansion: Annotated[int, Bounds(1, 65_536)] | None = None
    """Features per dimension of the site. Required, or `n_features`."""
    n_features: FeatureCount | None = None
    """Features in all. Required, or `expansion`."""
    k: Annotated[int, Bounds(1, 65_536)] = 32
    """Target L0: active features per token, exact for topk, on average for others."""
    output_site: str | None = None
    """Another site to reconstruct: the SAE is then a transcoder."""
    skip_connection: bool = False
    """Whether a transcoder has a linear path beside its features."""
    sparsity_coefficient: Literal["auto"] | Annotated[float, Bounds(1e-9, 1e9)] = "auto"
    """Weight of the sparsity penalty. `auto` adapts it until L0 is k; 3 for jumprelu with the l0 penalty, which
    knows k."""
    sparsity_penalty: Literal["l0", "tanh"] = "l0"
    """Penalty of jumprelu: squared distance of L0 from k, or tanh with a loss on pre-activations."""
    ste_bandwidth: Literal["auto"] | Annotated[float, Bounds(1e-6, 1e3)] = "auto"
    """Width of jumprelu's straight-through gradient, in root mean squares of an activation's entries. `auto` is 1
    with l0, 2 with tanh."""
    activation: Literal["batchtopk", "jumprelu"] = "batchtopk"
    """How a cross_layer_transcoder is sparse: the k·B largest of each block, or thresholds with a tanh penalty."""
    matryoshka_fractions: tuple[Annotated[float, Bounds(1e-6, 1)], ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 17 / 32)
    """Fraction of the features per nested group of matryoshka_batchtopk; they add up to 1."""

    imported: str | None = Field(default=None, alias="import")
    """A dictionary that is there already, in place of training: a folder or file, local or `s3://…`, or
    `hf:owner/repository[/path]`. All but `format`, `revision`, `output_site` and `allow_mismatch` is then left
    out."""
    format: str = "auto"
    """Of what is imported: the name of a file in `models/interchange/sae_formats/`."""
    revision: str | None = None
    """Of what is imported from the hub: branch, tag or commit; resolved and recorded."""
    allow_mismatch: tuple[ProvenanceField, ...] = ()
    """What the file of an imported dictionary may name otherwise than the cards. Anything else that differs is refused;
    what is allowed fails the check `provenance_matches`."""

    @property
    def learns(self) -> bool:
        """Whether the dictionary is trained here."""
        return self.imported is None and self.architecture != "neurons"

    @property
    def wants_l0(self) -> bool:
        """Whether training aims at an L0 of k."""
        return self.learns and self.sparsity_coefficient == "auto"

    @model_validator(mode="after")
    def _imports_ask_for_nothing_else(self) -> Self:
        meant = {"imported", "format", "revision", "output_site", "allow_mismatch"}
        more = [] if self.imported is None else sorted(self._different() - meant)
        if more:
            raise ValueError(
                f"{', '.join(more)} and import were given: an imported dictionary is as it is, leave it out"
            )
        if self.imported is None and (named := sorted(self._different() & {"format", "revision", "allow_mismatch"})):
            raise ValueError(f"{', '.join(named)} is of what is imported: name it by import, or leave it out")
        return self

    def _different(self) -> set[str]:
        """Fields that do not have their default."""
        return {name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default}

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        if self.imported is not None:
            return self
        if self.architecture == "neurons":
            if self.expansion is not None or self.n_features is not None:
                raise ValueError("architecture neurons has as many features as the site is wide: leave out the width")
        elif (self.expansion is None) == (self.n_features is None):
            raise ValueError(
                f"expansion={self.expansion} and n_features={self.n_features} were given: say exactly one of them"
            )
        if self.n_features is not None and self.k > self.n_features:
            raise ValueError(f"k={self.k} must lie in 1..n_features={self.n_features}")
        return self

    @model_validator(mode="after")
    def _each_in_its_place(self) -> Self:
        for name, architectures in APPLIES_TO.items():
            if name in self._different() and self.architecture not in architectures:
                raise ValueError(f"{name} is for {', '.join(architectures)}, not for {self.architecture}: leave it out")
        if self.output_site is not None:
            checked_name(self.output_site)
        if self.output_site is None and self.skip_connection:
            raise ValueError("skip_connection is for transcoders: name an output_site, or leave it out")
        if self.skip_connection and self.architecture == "cross_layer_transcoder":
            raise ValueError("a cross_layer_transcoder has no linear path: leave out skip_connection")
        if self.output_site is not None and self.architecture == "neurons":
            raise ValueError("architecture neurons writes what it reads: leave out output_site")
        if abs(sum(self.matryoshka_fractions) - 1) > 1e-6:
            raise ValueError(
                f"matryoshka_fractions add up to {sum(self.matryoshka_fractions):.6g}, wanted 1: they are shares of "
                "the features"
            )
        return self

    def width(self, d_in: int) -> int:
        """Number of features over a site of width `d_in`."""
        if self.architecture == "neurons":
            return d_in
        n_features = self.n_features or (self.expansion or 0) * d_in
        if self.k > n_features:
            raise ValueError(
                f"k={self.k} exceeds the {n_features} features that this dictionary gets: lower k or widen it"
            )
        if n_features > MOST_FEATURES:
            raise ValueError(
                f"expansion={self.expansion} over a site of width {d_in:,} is {n_features:,} features, wanted at most "
                f"{MOST_FEATURES:,}: lower expansion"
            )
        return n_features

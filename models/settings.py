"""Validated values that a recipe is made of; torch-free, so that reading a recipe costs nothing."""

from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from models.sites import Site


class Settings(BaseModel):
    """A frozen value that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


OUTLIER_RATIO = 10.0
"""Norm over median norm beyond which an activation is an outlier anywhere: the multiple that dictionary_learning takes
(`max_activation_norm_multiple`)."""

ONLY_FOR: dict[str, tuple[str, ...]] = {
    "coefficient": ("standard", "p_anneal", "gated", "jumprelu"),
    "sparsity": ("jumprelu",),
    "bandwidth": ("jumprelu",),
    "groups": ("matryoshka_batchtopk",),
}
"""Settings that mean something to some architectures only."""


class SAESettings(Settings):
    """What fixes the shape of a dictionary, and what makes it sparse."""

    architecture: Literal[
        "topk", "batchtopk", "matryoshka_batchtopk", "jumprelu", "standard", "p_anneal", "gated", "identity"
    ] = "topk"
    """Which file of `models/` builds it. `identity` learns nothing: its features are the site's neurons."""
    expansion: PositiveInt | None = None
    """Features per dimension of the site; or say `n_features`."""
    n_features: PositiveInt | None = None
    """Features in all; or say `expansion`."""
    k: PositiveInt = 32
    """The L0 that is wanted: features a token, exactly (topk) or on average."""
    output_site: str | None = None
    """Another site, that is to be written: the dictionary is then a transcoder."""
    skip: bool = False
    """Whether a transcoder has a linear path beside its features."""
    coefficient: Literal["auto"] | PositiveFloat = "auto"
    """Weight of the sparsity penalty. `auto`: steered until L0 is k; 1 for jumprelu, whose penalty knows k."""
    sparsity: Literal["l0", "tanh"] = "l0"
    """Penalty of jumprelu: squared distance of L0 from k, or tanh with a loss on pre-activations."""
    bandwidth: Literal["auto"] | PositiveFloat = "auto"
    """Of the ramp that stands in for jumprelu's step, in root mean squares of an activation's entries."""
    groups: tuple[PositiveFloat, ...] = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 17 / 32)
    """Shares of the features in the nested groups of matryoshka_batchtopk; they add up to 1."""

    imported: str | None = Field(default=None, alias="import")
    """A dictionary that is there already, in place of training: a folder or file, local or `s3://…`, or
    `hf:owner/repository[/path]`. All but `format`, `revision` and `output_site` is then left out."""
    format: str = "auto"
    """Of what is imported: the name of a file in `models/formats/`."""
    revision: str | None = None
    """Of what is imported from the hub: branch, tag or commit; resolved and recorded."""

    @property
    def learns(self) -> bool:
        """Whether the dictionary is trained here."""
        return self.imported is None and self.architecture != "identity"

    @property
    def wants_l0(self) -> bool:
        """Whether training aims at an L0 of k."""
        return self.learns and self.coefficient == "auto"

    @model_validator(mode="after")
    def _imports_ask_for_nothing_else(self) -> Self:
        meant = {"imported", "format", "revision", "output_site"}
        more = [] if self.imported is None else sorted(self._different() - meant)
        if more:
            raise ValueError(
                f"{', '.join(more)} and import were given: an imported dictionary is as it is, leave it out"
            )
        if self.imported is None and (named := sorted(self._different() & {"format", "revision"})):
            raise ValueError(f"{', '.join(named)} is of what is imported: name it by import, or leave it out")
        return self

    def _different(self) -> set[str]:
        """Fields that do not have their default."""
        return {name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default}

    @model_validator(mode="after")
    def _one_width(self) -> Self:
        if self.imported is not None:
            return self
        if self.architecture == "identity":
            if self.expansion is not None or self.n_features is not None:
                raise ValueError("architecture identity has as many features as the site is wide: leave out the width")
        elif (self.expansion is None) == (self.n_features is None):
            raise ValueError(
                f"expansion={self.expansion} and n_features={self.n_features} were given: say exactly one of them"
            )
        if self.n_features is not None and self.k > self.n_features:
            raise ValueError(f"k={self.k} must lie in 1..n_features={self.n_features}")
        return self

    @model_validator(mode="after")
    def _each_in_its_place(self) -> Self:
        for name, architectures in ONLY_FOR.items():
            if name in self._different() and self.architecture not in architectures:
                raise ValueError(f"{name} is for {', '.join(architectures)}, not for {self.architecture}: leave it out")
        if self.output_site is not None:
            Site.parse(self.output_site)
        if self.output_site is None and self.skip:
            raise ValueError("skip is for transcoders: name an output_site, or leave it out")
        if self.output_site is not None and self.architecture == "identity":
            raise ValueError("architecture identity writes what it reads: leave out output_site")
        if abs(sum(self.groups) - 1) > 1e-6:
            raise ValueError(f"groups add up to {sum(self.groups):.6g}, wanted 1: they are shares of the features")
        return self

    def width(self, d_in: int) -> int:
        """Number of features over a site of width `d_in`."""
        if self.architecture == "identity":
            return d_in
        n_features = self.n_features or (self.expansion or 0) * d_in
        if self.k > n_features:
            raise ValueError(
                f"k={self.k} exceeds the {n_features} features that this dictionary gets: lower k or widen it"
            )
        return n_features


class TrainingSettings(Settings):
    """How a dictionary learns."""

    tokens: PositiveInt = 4_000_000
    """Training tokens seen in all, epochs counted."""
    batch: PositiveInt = 4096
    """Tokens a step."""
    learning_rate: Literal["auto"] | PositiveFloat = "auto"
    """Peak rate of Adam; `auto` follows from the width (see models/training.py)."""
    seed: int = 0
    dead_tokens: Literal["auto"] | PositiveInt = "auto"
    """A feature silent for so many tokens is revived by the auxiliary loss; `auto` is min(10 M, 5 % of the run)."""
    aux_coefficient: NonNegativeFloat = 1 / 32
    checkpoint_tokens: PositiveInt = 1_000_000
    """A checkpoint is kept every so many tokens."""
    matmul: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the encoder's product in training; weights stay float32. `auto`: bfloat16 where the device
    multiplies it natively."""


class StatisticsSettings(Settings):
    """What is counted and kept of every feature."""

    top: PositiveInt = 20
    intervals: PositiveInt = 10
    """Equal-width slices of (0, max activation]."""
    per_interval: PositiveInt = 5
    controls: PositiveInt = 20
    """Windows in which the feature does not fire."""
    window: PositiveInt = 32
    """Tokens around a peak that an example shows."""
    bins: PositiveInt = 50
    """Equal-width bins of the activation histogram over (0, max activation]."""
    effects: PositiveInt = 10
    """Tokens promoted, and as many suppressed, kept per feature."""
    neighbors: PositiveInt = 10
    """Nearest features kept, by decoder cosine and by co-activation."""
    keep_codes: bool = True
    """Whether the sparse codes stay in the store as `feature_activation`."""
    evaluation_tokens: PositiveInt = 65_536
    """Held-out tokens on which the metrics of `sae_metric` are measured, at most."""
    probe_tokens: NonNegativeInt = 32_768
    """Tokens that probes learn from (three quarters) and are measured on (held out), at most; 0 leaves out what is
    measured with them: shrinkage, sparse probing and absorption."""


class Bounds(Settings):
    """Limits that the asset checks hold the numbers to."""

    max_fvu: NonNegativeFloat = 0.5
    max_dead_fraction: NonNegativeFloat = 0.2
    min_ce_recovered: float = 0.8
    max_one_position_fraction: NonNegativeFloat = 0.05
    """Share of the live features that fire at one position of the contexts only."""
    max_l0_error: NonNegativeFloat = 0.1
    """Distance of L0 from k, as a share of k, where k is an average. Held-out documents are a little unlike the others:
    on the demo an L0 that is 31 on what was trained on is 34 on them."""

"""Settings of linear probes."""

from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Bounds, FeatureNumber
from models.config_base import Settings
from models.experiments.settings_base import ExperimentSettings


class ProbeEdit(Settings):
    """A label that is edited into another along a probe, and the token whose probability should follow."""

    task: str = "label"
    """`label`, or one of the Python tasks."""
    from_label: str
    to_label: str
    token: str
    """Exactly one token of the model, its leading space included."""


class LinearProbeSettings(ExperimentSettings):
    """A linear classifier on the residual stream behind each block, or on a dictionary's codes: accuracy on groups that
    it was not trained on, beside the majority, a control task and the same model before training; then the stream is
    edited along the probe, to see whether the model's own answer follows."""

    question = "What can be read off the activations by a linear map, and does the model use it?"
    tables = ("probe", "probe_class", "probe_metric", "probe_edit", "probe_ablation")
    code_version = "3"
    prompt_kinds = ("labelled", "prompts", "chat")
    dictionary = "optional"
    feature_settings = ("ablated_features",)
    prompts_per_chunk = None

    labels: Literal["column", "python_structure"] = "column"
    """`column`: each prompt's own label, read at one position. `python_structure`: each prompt is a Python program,
    and what Python's tokenizer and parser say of every token is the label."""
    tasks: list[Literal["bracket_depth", "indentation", "text_kind", "name_bound"]] | None = None
    """Of `python_structure`: which labels; null for all."""
    layers: list[Annotated[int, Bounds(-1, 1000)]] | None = None
    """Blocks behind which the stream is read, −1 where it enters the first; null for all."""
    position: Literal["last", "subject", "mean"] = "last"
    """Where a prompt's own label is read: its last token, the last of its subject, or the mean over its text."""
    test_share: Annotated[float, Bounds(0.05, 0.9)] = 0.3
    """Share of the groups that are kept for the test."""
    penalties: list[Annotated[float, Bounds(1e-6, 100)]] = Field([1e-3, 1e-2, 1e-1], min_length=1, max_length=10)
    """Weights of |w|² / 2 beside the mean cross-entropy; the best on groups set apart from training is taken."""
    most_rows: Annotated[int, Bounds(20, 200_000)] = 4_000
    """Tokens that are probed at most, of all prompts."""
    most_features: Annotated[int, Bounds(1, 4096)] = 256
    """Features that a probe of a dictionary reads at most: those that differ most between labels in training."""
    random_init: bool = True
    """Whether the same is probed on the model before training."""
    edits: list[ProbeEdit] = Field([], max_length=20)
    """What is edited at test rows to see the prediction follow."""
    edit_strengths: list[Annotated[float, Bounds(-100, 100)]] = Field([1.0, 2.0], min_length=1, max_length=10)
    """How far, in differences between the two labels' means: 1 carries the mean of the one to that of the other."""
    most_edited_rows: Annotated[int, Bounds(1, 10_000)] = 32
    """Test rows that an edit is tried on at most."""
    ablated_features: list[FeatureNumber] = Field([], max_length=1000)
    """Features of the recipe's dictionary that a person flagged (SHIFT, Marks et al. 2024): what the probes behind it
    still tell while these are off in the model, beside as many random features of like density."""

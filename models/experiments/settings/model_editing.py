"""Settings of model editing."""

from typing import Annotated, Literal

from pydantic import Field

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings

EditBaseline = Literal["other_layer", "random_direction"]


class ModelEditingSettings(ExperimentSettings):
    """Facts are rewritten in the weights, each alone or all together, by an edit of rank one (ROME, Meng et al. 2022)
    or by edits of several blocks (MEMIT, Meng et al. 2023), measured, and taken out again bit for bit: whether the new
    object follows the prompt and its paraphrases, whether neighbors keep theirs, what the model then writes, and what
    ordinary text costs it. Beside it stand the unedited model, the same method in another block, and a random change
    of the same length for the same key. Rows of a prompt set belong to a fact by their `group`; `label` says `rewrite`
    (one a fact, with its `subject`), `paraphrase` or `neighborhood`; `answer` is what is true and `foil` the new
    object."""

    question = "Can one fact be rewritten in the weights, and what else changes?"
    tables = ("edit", "edit_effect", "edit_fluency", "edit_metric", "patching_effect")
    prompt_kinds = ("labelled",)
    needs_answer = True
    needs_foil = True
    prompts_per_chunk = None

    algorithm: Literal["rome", "memit"] = "rome"
    """`rome` rewrites one block for one fact, `memit` several blocks for all facts at once."""
    together: bool = False
    """Whether all facts of the set are in the weights at the same time: with `rome` one after another, each made on
    what the ones before left."""
    layer: Annotated[int, Bounds(0, 9_999)] | Literal["auto"] = "auto"
    """Block whose MLP is edited, of memit the last; `auto` is the one that causal tracing finds strongest on the fact's
    own prompt, where memit edits facts together on all of theirs."""
    blocks: Annotated[int, Bounds(1, 1000)] = 3
    """Of memit: blocks over which the change is spread, `layer` the last; fewer where fewer come before it."""
    covariance_weight: Annotated[float, Bounds(0, 10**9)] = 100.0
    """Of memit: how much an ordinary token's key counts against a fact's."""
    token: Literal["subject_last", "last"] = "subject_last"
    """Whose key is rewritten: the subject's last token, or the prompt's."""
    trace_window: Annotated[int, Bounds(1, 1000)] | Literal["auto"] = "auto"
    """Blocks whose MLPs are put right together in tracing; `auto` is a fifth of them, as 10 of 48 in the paper."""
    noise_seeds: Annotated[int, Bounds(1, 1000)] = 10
    """Draws of the noise in tracing."""
    noise_multiple: Annotated[float, Bounds(0.001, 1000)] = 3.0
    """Its standard deviation, in those of the token embeddings."""
    fit_source: str = "stdlib"
    """Text of the keys' covariance, the prefixes and the loss, as in a model card's `corpus.source`."""
    covariance_tokens: Annotated[int, Bounds(2, 10**9)] = 100_000
    """Tokens that the covariance is averaged over."""
    fit_length: Annotated[int, Bounds(2, 100_000)] = 64
    """Tokens of each text."""
    ridge: Annotated[float, Bounds(0, 1000)] = 1e-4
    """Added to the covariance's diagonal, as a share of its mean."""
    prefixes: Annotated[int, Bounds(0, 1000)] = 20
    """Texts behind which the key and the new value are averaged, beside the prompt alone."""
    prefix_tokens: list[Annotated[int, Bounds(1, 1000)]] = Field([5, 10], min_length=1, max_length=100)
    """Lengths of these texts, in turn."""
    steps: Annotated[int, Bounds(1, 10_000)] = 25
    """Steps of the search for the new value, at most: it ends where its loss is below 0.05 nats."""
    learning_rate: Annotated[float, Bounds(1e-6, 1000)] = 0.5
    """Of Adam, in multiples of the root mean square of the old value."""
    kl_factor: Annotated[float, Bounds(0, 1000)] = 0.0625
    """Weight of what should stay: what is said behind `<subject> is a`."""
    weight_decay: Annotated[float, Bounds(0, 1000)] = 0.5
    """Weight of the change's length over the old value's squared length."""
    largest_change: Annotated[float, Bounds(0, 1000)] = 4.0
    """Longest change of the value, in lengths of the old one."""
    baselines: list[EditBaseline] = Field(["other_layer", "random_direction"], max_length=2)
    """The same method in the block that tracing finds weakest, of facts that rome edits each alone; a random change of
    the same length for the same key."""
    new_tokens: Annotated[int, Bounds(0, 10_000)] = 40
    """Tokens that are written behind each rewritten prompt; 0 for none, and no fluency."""
    temperature: Annotated[float, Bounds(0, 100)] = 0.7
    """At which they are drawn; 0 takes the likeliest each time."""
    loss_texts: Annotated[int, Bounds(0, 100_000)] = 16
    """Texts of `fit_source` whose loss is measured under each edit."""

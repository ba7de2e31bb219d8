"""Settings of activation patching and its approximations."""

from typing import Annotated, Literal

from models.bounds import Bounds
from models.experiments.settings_base import ExperimentSettings

PatchingMethod = Literal["exact", "attribution", "integrated_gradients"]
EdgeMethod = Literal["eap", "eap_ig"]
PatchedKind = Literal["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "z", "attn_pattern", "feature"]


class ActivationPatchingSettings(ExperimentSettings):
    """A clean and a corrupt run exchange the value of one place at a time, and the answer says how much that place
    carries of what makes the difference: the stream, attention and MLPs at every block and position, heads and their
    patterns at all positions. The corrupt run is a prompt of as many tokens, or the clean one with noise on its subject
    (causal tracing). Two approximations by gradients stand in the same table, with how well they agree. `edges` asks
    what one part says to another: embeddings, heads and MLPs to the queries, keys and values of heads, to MLPs and to
    the output, with how much of the answer the strongest edges keep by themselves. With a recipe, `feature` patches the
    features of its dictionary one by one."""

    question = "Which places carry what makes the difference to the answer?"
    tables = ("patching_effect", "patching_mean", "patching_agreement", "edge_effect", "edge_faithfulness")
    code_version = "2"
    prompt_kinds = ("contrast_pairs", "prompts")
    dictionary = "optional"
    needs_answer = True
    prompts_per_chunk = 1

    methods: tuple[PatchingMethod, ...] = ("exact", "attribution", "integrated_gradients")
    """Patching itself, attribution patching (one pass forward and back for all places), integrated gradients."""
    directions: tuple[Literal["denoising", "noising"], ...] = ("denoising",)
    """Denoising puts clean values into the corrupt run, noising corrupt values into the clean run."""
    sites: tuple[PatchedKind, ...] = ("resid_pre", "attn_out", "mlp_out", "z")
    """Kinds of site that are patched, in every block; z are the heads, feature the features of the card's recipe at its
    site, one by one, and what its dictionary leaves out."""
    metric: Literal["logit_difference", "probability", "log_probability"] = "logit_difference"
    """What is asked of the answer; a logit difference wants a foil with every prompt."""
    corruption: Literal["prompt", "noise"] = "prompt"
    """Whether the corrupt run is the row's corrupt prompt, or has noise on the embeddings of the row's subject."""
    noise_multiple: Annotated[float, Bounds(0.001, 1000)] = 3.0
    """Standard deviation of the noise, in those of the token embeddings."""
    noise_seeds: Annotated[int, Bounds(1, 1000)] = 10
    """Draws of the noise, over which effects are averaged."""
    window: Annotated[int, Bounds(1, 1000)] = 1
    """Blocks whose attention, or whose MLPs, are patched together; causal tracing takes 10 of 48."""
    integration_path: Literal["site", "stream"] = "site"
    """What integrated gradients move along: each site by itself, or the stream that enters the first block."""
    integration_steps: Annotated[int, Bounds(1, 1000)] = 8
    agreement_sample: Annotated[int, Bounds(2, 100_000)] = 100
    """Places that are patched exactly where `methods` does not say so, to measure the approximations' agreement."""
    patched_features: Annotated[int, Bounds(1, 100_000)] = 128
    """Features and positions of a prompt that are kept, those of the largest effect by attribution patching."""
    edges: tuple[EdgeMethod, ...] = ()
    """Estimates of the effect of every edge: edge attribution patching, or with the gradient averaged along the way of
    the embeddings (EAP-IG, `integration_steps`)."""
    kept_edges: Annotated[int, Bounds(1, 1_000_000)] = 100
    """Strongest edges of each estimate that are stored."""
    edge_sample: Annotated[int, Bounds(2, 100_000)] = 64
    """Edges that are patched by themselves: half of them the strongest, half drawn among all others."""
    edge_circuits: tuple[Annotated[int, Bounds(1, 10_000_000)], ...] = (10, 30, 100, 300, 1000)
    """Numbers of strongest edges whose faithfulness is measured, beside as many by chance."""
    rows_per_pass: Annotated[int, Bounds(1, 65_536)] = 64
    """Patched copies that run as one batch."""

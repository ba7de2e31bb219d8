"""Every causal and image-text type of the installed transformers, made small and random, held to the self-test.

`PYTHONPATH=. python tests/support/architecture_sweep.py > docs/models.md` writes the page in some minutes.
"""

import gc
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import transformers
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto import modeling_auto as auto

from models.language_model.hooked_model import HookedModel
from models.language_model.module_map import UnknownArchitecture

WIDTH, LAYERS, SEEING_LAYERS, VOCABULARY = 32, 4, 3, 160
MOST_PARAMETERS, MOST_SECONDS = 40_000_000, 60
SIZES: dict[int | float, Sequence[str]] = {
    WIDTH: ("hidden_size", "d_model", "n_embd", "dim", "embed_dim", "model_dim", "word_embed_proj_dim", "lru_width"),
    64: (
        "intermediate_size", "ffn_dim", "d_ff", "n_inner", "ffn_hidden_size", "decoder_ffn_dim", "encoder_ffn_dim",
        "block_ff_dim", "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length",
        "seq_length", "mlp_dim", "feed_forward_dim",
    ),
    48: ("moe_intermediate_size", "shared_expert_intermediate_size", "expert_intermediate_size"),
    4: (
        "num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads", "decoder_attention_heads",
        "num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "mamba_n_heads", "mamba_num_heads",
        "linear_num_value_heads", "linear_num_key_heads", "num_linear_heads", "mamba_d_conv", "index_n_heads",
    ),
    2: (
        "num_key_value_heads", "num_kv_heads", "n_kv_heads", "num_experts_per_tok", "num_experts_per_token",
        "moe_topk", "moe_k", "top_k_experts", "num_experts_shared", "mamba_n_groups", "n_groups",
    ),
    1: (
        "n_group", "topk_group", "n_shared_experts", "num_shared_experts", "first_k_dense_replace",
        "num_nextn_predict_layers",
    ),
    8: (
        "head_dim", "kv_channels", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "global_head_dim",
        "linear_key_head_dim", "linear_value_head_dim", "rotary_dim", "state_size",
        "mamba_d_state", "ssm_state_size", "index_head_dim", "patch_size", "index_topk", "sliding_window",
    ),
    16: (
        "q_lora_rank", "kv_lora_rank", "o_lora_rank", "image_size", "hidden_size_per_layer_input", "time_step_rank",
        "mamba_d_head", "mamba_head_dim",
    ),
    VOCABULARY: ("vocab_size", "vocab_size_per_layer_input"),
}  # fmt: skip
"""What shrinks to what, by the names that configs have for it; what a config has not is left out."""
LAYER_NAMES = (
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "depth",
    "num_encoder_layers", "num_decoder_layers",
)  # fmt: skip


MORE: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global"], LAYERS]]},
    "deepseek_v2": {"num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
    "mamba2": {"head_dim": 16},
}
"""What one type needs besides."""
_PLAIN = {"rope_type": "default", "rope_theta": 10_000.0}
ROTARY: Sequence[dict[str, Any]] = (
    {},
    {"rope_parameters": _PLAIN},
    {"rope_parameters": _PLAIN | {"mrope_section": [1, 1, 2]}},
    {"rope_parameters": _PLAIN | {"mrope_section": [1, 1, 0], "partial_rotary_factor": 0.5}},
)
"""Tried in turn: some have no base of their own, some divide half of a head among the axes of an image."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one type."""

    model_type: str
    task: str
    verdict: str
    """passes, refused, or not made."""
    said: str
    """Kinds of site, or the sentence."""
    dtypes: tuple[str, ...] = ()
    """Half precisions in which it passes too."""


def swept() -> list[tuple[str, str]]:
    """Types and what they are for; one that is in both lists counts as causal, as it is loaded."""
    causal, seeing = auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    return [(name, "causal") for name in sorted(causal)] + [
        (name, "image-text") for name in sorted(set(seeing) - set(causal))
    ]


def small(config: Any, rotary: dict[str, Any], layers: int = LAYERS) -> dict[str, Any]:
    """Arguments with which the config's class makes a small one; `rotary` goes to what reads text."""
    said = config.to_dict()
    made: dict[str, Any] = {name: size for size, names in SIZES.items() for name in names if _is_number(said.get(name))}
    made |= {name: layers for name in LAYER_NAMES if _is_number(said.get(name))}
    made |= {
        name: min(value, VOCABULARY - 1)
        for name, value in said.items()
        if name.endswith(("_token_id", "_token_index")) and _is_number(value)
    }
    if "kv_lora_rank" in said and "num_key_value_heads" in made:
        made["num_key_value_heads"] = made["num_attention_heads"]  # keys are expanded to all heads
    if "head_dim" in said and said["head_dim"] is None:
        made["head_dim"] = 8
    if "num_key_value_heads" in said and said["num_key_value_heads"] is None:
        made["num_key_value_heads"] = 4
    if "num_kv_shared_layers" in said:
        made["num_kv_shared_layers"] = 0
    if "use_cache" in said:
        made["use_cache"] = False
    if layers == LAYERS and "rope_parameters" in said:
        made |= rotary
    for name in getattr(config, "sub_configs", {}):
        inner = getattr(config, name, None)
        if inner is not None:
            layers_there = LAYERS if "text" in name else SEEING_LAYERS
            made[name] = {"model_type": inner.model_type} | small(inner, rotary, layers_there)
    return made


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def made(model_type: str, task: str) -> Any:
    """A small random model of the type, as a trained one: no gain is 1, no bias 0."""
    errors: list[Exception] = []
    for rotary in ROTARY:
        try:
            return _made(model_type, task, rotary)
        except Exception as error:  # whatever a config or a class says of sizes that it was not made for
            errors.append(error)
    raise errors[0]


def _made(model_type: str, task: str, rotary: dict[str, Any]) -> Any:
    kind = CONFIG_MAPPING[model_type]
    config = kind(**small(kind(), rotary) | MORE.get(model_type, {}))
    loader = AutoModelForCausalLM if task == "causal" else AutoModelForImageTextToText
    with torch.device("meta"):
        n = sum(p.numel() for p in loader.from_config(config).parameters())
    if n > MOST_PARAMETERS:
        raise ValueError(f"it has {n / 1e6:.0f} M parameters when all that is known of it is small")
    torch.manual_seed(0)
    model = loader.from_config(config).eval().requires_grad_(False)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.is_floating_point():
                weight.add_(torch.randn_like(weight) * (0.1 if weight.ndim == 1 else 0.15))
        ids = torch.arange(4)[None]
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return model


def proven(model: Any) -> HookedModel:
    host = HookedModel(model, SimpleNamespace(all_special_ids=[]), True, "sweep", "", "")
    host.prove()
    config = model.config.get_text_config()
    wanted = getattr(config, "num_hidden_layers", host.n_layers), getattr(config, "hidden_size", host.d_model)
    if (host.n_layers, host.d_model) != wanted:
        raise UnknownArchitecture(
            f"{host.n_layers} blocks of width {host.d_model} were taken for its text, it has {wanted}"
        )
    return host


def outcome(model_type: str, task: str) -> Outcome:
    """Makes the type, proves it in float32, then in half precision."""
    with _at_most(MOST_SECONDS):
        try:
            model = made(model_type, task)
        except Exception as error:  # whatever a config or a class says of sizes that it was not made for
            return Outcome(model_type, task, "not made", _first_line(error))
        try:
            host = proven(model)
        except Exception as error:
            kind = "" if isinstance(error, UnknownArchitecture) else f"{type(error).__name__}: "
            return Outcome(model_type, task, "refused", kind + _first_line(error))
        kinds = ", ".join(host.module_map.kinds)
        halves = tuple(name for name in ("bfloat16", "float16") if _passes_in(model, getattr(torch, name)))
        return Outcome(model_type, task, "passes", kinds, halves)


def _passes_in(model: Any, dtype: torch.dtype) -> bool:
    try:
        proven(model.to(dtype))
    except Exception:
        return False
    return True


def _first_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.partition(" Describe it by ")[0].partition(". Known are ")[0]
    return text if len(text) <= 160 else f"{text[:159]}…"


class _TooSlow(Exception):
    """The type took longer than MOST_SECONDS."""


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise _TooSlow(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def page(outcomes: Sequence[Outcome]) -> str:
    """docs/models.md."""
    counts = Counter((one.task, one.verdict) for one in outcomes)
    tally = "\n".join(
        f"| {task} | " + " | ".join(str(counts[task, verdict]) for verdict in ("passes", "refused", "not made")) + " |"
        for task in ("causal", "image-text")
    )
    rows = "\n".join(
        f"| `{one.model_type}` | {one.task} | {one.verdict} | {' '.join(one.dtypes)} | {one.said.replace('|', ' ')} |"
        for one in outcomes
    )
    kinds = Counter(kind for one in outcomes if one.verdict == "passes" for kind in one.said.split(", "))
    every = ", ".join(
        kind for kind, n in kinds.items() if n == counts["causal", "passes"] + counts["image-text", "passes"]
    )
    return INTRODUCTION.format(version=transformers.__version__, tally=tally, every=every, rows=rows)


INTRODUCTION = """\
# Models

Written by `PYTHONPATH=. python tests/support/architecture_sweep.py > docs/models.md`; `pytest -m slow
tests/models/language_model/test_every_architecture.py` holds this page to it.

Every causal and every image-text type of transformers {version}, made small with random weights and held to the
self-test that a model passes when it is loaded. Of a model that also sees, the part that reads text is meant. *Passes*:
every site says what the model computes, in float32 and in the half precisions that are named. *Refused*: it is refused,
with this sentence. *Not made*: no small one could be made or run without knowing more of it, so nothing is known.

| for | passes | refused | not made |
|---|---|---|---|
{tally}

Sites that all have which pass: {every}. The fifth column has the kinds of site of each.

| type | for | self-test | also in | sites, or why not |
|---|---|---|---|---|
{rows}
"""


def main() -> None:
    warnings.filterwarnings("ignore")
    transformers.utils.logging.set_verbosity_error()
    outcomes = []
    for model_type, task in swept():
        outcomes.append(outcome(model_type, task))
        sys.stderr.write(f"{model_type} {outcomes[-1].verdict} {outcomes[-1].said}\n")
        gc.collect()
    sys.stdout.write(page(outcomes))


if __name__ == "__main__":
    main()

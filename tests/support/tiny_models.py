"""Tiny random checkpoints of many architectures, each with a small tokenizer: `save_tiny(kind, folder)`."""

import os
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TEXT = [
    "def area(width, height):\n    return width * height\n",
    "class Stack:\n    def push(self, item):\n        self.items.append(item)\n",
    "for name, value in sorted(found.items()):\n    print(name, value)\n",
    "The residual stream of a transformer is a sum of what each of its blocks adds to it.\n",
    "A feature is a direction, and a dictionary of features codes an activation as a few of them.\n",
] * 4
LAYERS, WIDTH, NEURONS, VOCABULARY = 3, 32, 48, 400

_SIZE = {
    "hidden_size": WIDTH,
    "intermediate_size": NEURONS,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}
_GROUPED = _SIZE | {"num_key_value_heads": 2, "head_dim": 8}
_GPT2 = {"n_embd": WIDTH, "n_inner": NEURONS, "n_layer": LAYERS, "n_head": 4, "n_positions": 128}
_MIXED = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}

KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "gpt2": ("GPT2LMHeadModel", _GPT2, "plain"),
    "gpt_neox": ("GPTNeoXForCausalLM", _SIZE | {"use_parallel_residual": True}, "plain"),
    "gpt_neox_sequential": ("GPTNeoXForCausalLM", _SIZE | {"use_parallel_residual": False}, "plain"),
    "llama": ("LlamaForCausalLM", _GROUPED, "bos"),
    "gemma": ("GemmaForCausalLM", _GROUPED, "bos"),
    "gemma2": ("Gemma2ForCausalLM", _GROUPED | {"query_pre_attn_scalar": 8} | _MIXED, "bos"),
    "gemma3": ("Gemma3ForCausalLM", _GROUPED | {"query_pre_attn_scalar": 8} | _MIXED, "bos"),
    "qwen2": ("Qwen2ForCausalLM", _SIZE | {"num_key_value_heads": 2}, "plain"),
    "qwen3": ("Qwen3ForCausalLM", _GROUPED, "plain"),
    "mistral": ("MistralForCausalLM", _GROUPED | {"sliding_window": 8}, "bos"),
    "phi3": ("Phi3ForCausalLM", _SIZE | {"num_key_value_heads": 2}, "bos"),
    "mixtral": ("MixtralForCausalLM", _GROUPED | {"num_local_experts": 4, "num_experts_per_tok": 2}, "bos"),
    "starcoder2": ("Starcoder2ForCausalLM", _SIZE | {"num_key_value_heads": 2}, "plain"),
    "qwen3_moe": (
        "Qwen3MoeForCausalLM",
        _GROUPED | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "decoder_sparse_step": 2},
        "plain",
    ),
    "bert": ("BertForMaskedLM", _SIZE, "bert"),
    "roberta": ("RobertaForMaskedLM", _SIZE, "bert"),
    "distilbert": (
        "DistilBertForMaskedLM",
        {"dim": WIDTH, "hidden_dim": NEURONS, "n_layers": LAYERS, "n_heads": 4},
        "bert",
    ),
    "modernbert": ("ModernBertForMaskedLM", _SIZE | {"global_attn_every_n_layers": 2, "local_attention": 8}, "bert"),
    # The names of Llama, another arithmetic: blocks that scale what they add, and norms in other places.
    "granite": ("GraniteForCausalLM", _SIZE | {"num_key_value_heads": 2, "residual_multiplier": 0.5}, "bos"),
    "olmo2": ("Olmo2ForCausalLM", _SIZE | {"num_key_value_heads": 2}, "plain"),
    # Other names.
    "opt": ("OPTForCausalLM", _SIZE | {"ffn_dim": NEURONS, "word_embed_proj_dim": WIDTH}, "plain"),
    # An MLP into whose output the model writes; sublayers that add the stream themselves.
    "falcon": ("FalconForCausalLM", _SIZE | {"multi_query": True, "parallel_attn": True, "alibi": False}, "plain"),
    "bloom": ("BloomForCausalLM", {"hidden_size": WIDTH, "n_layer": LAYERS, "n_head": 4}, "plain"),
    # Attention in code of their own, which asks transformers for no function.
    "gptj": ("GPTJForCausalLM", _GPT2 | {"rotary_dim": 4}, "plain"),
    "gpt_neo": (
        "GPTNeoForCausalLM",
        {"hidden_size": WIDTH, "intermediate_size": NEURONS, "num_layers": LAYERS, "num_heads": 4}
        | {"attention_types": [[["global"], LAYERS]], "max_position_embeddings": 128},
        "plain",
    ),
    "codegen": ("CodeGenForCausalLM", _GPT2 | {"rotary_dim": 4}, "plain"),
    "mpt": ("MptForCausalLM", {"d_model": WIDTH, "n_heads": 4, "n_layers": LAYERS, "max_seq_len": 128}, "plain"),
    "stablelm": ("StableLmForCausalLM", _SIZE | {"num_key_value_heads": 4}, "plain"),
    # No attention and no MLP.
    "mamba": ("MambaForCausalLM", {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "state_size": 8}, "plain"),
    "t5": (
        "T5ForConditionalGeneration",
        {"d_model": WIDTH, "d_ff": NEURONS, "num_layers": LAYERS, "num_heads": 4},
        "plain",
    ),
}


def save_tiny(kind: str, folder: Path) -> Path:
    """Writes a random model of the kind (safetensors, float32, about 50,000 weights) and its tokenizer into the folder.

    The same kind gives the same files every time. Tokenizers do as real ones of the kind: GPT-2's, Pythia's and Qwen's
    add nothing, Llama's and Gemma's begin with a BOS, BERT's frame with [CLS] and [SEP].
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files(kind).items():
        (folder / name).write_bytes(content)
    return folder


@cache
def _files(kind: str) -> dict[str, bytes]:
    """Made once by a process: a tokenizer is trained, which takes most of the time."""
    with TemporaryDirectory() as made:
        return {file.name: file.read_bytes() for file in make_tiny(kind, Path(made)).iterdir()}


def make_tiny(kind: str, folder: Path) -> Path:
    """Makes those files anew."""
    import torch
    import transformers

    name, sizes, framing = KINDS[kind]
    tokenizer = train_tokenizer(framing)
    roles = ("pad", "bos", "eos", "cls", "sep")
    special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in roles}
    model_class = getattr(transformers, name)
    config = model_class.config_class(vocab_size=len(tokenizer), **special, **sizes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config)
        with torch.no_grad():
            for weight in model.parameters():  # as a trained model: no gain is 1, no bias 0, every block says something
                weight.add_(torch.randn_like(weight) * (0.1 if weight.ndim == 1 else 0.15))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_tokenizer(framing: str) -> Any:
    """A byte-level BPE that adds nothing (`plain`) or a BOS (`bos`), or a WordPiece that frames (`bert`)."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if framing == "bert":
        # A vocabulary by hand: the WordPiece trainer breaks ties differently from run to run.
        words = sorted({word for text in TEXT for word in re.findall(r"[a-z]{2,}", text.lower())})
        special, letters = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], [chr(i) for i in range(33, 127)]
        vocabulary = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
        tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        roles = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)
    special = ["<bos>", "<eos>", "<pad>"] if framing == "bos" else ["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    if framing == "bos":
        tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
    roles = dict(
        zip(("bos_token", "eos_token", "pad_token"), special if framing == "bos" else special * 3, strict=True)
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)

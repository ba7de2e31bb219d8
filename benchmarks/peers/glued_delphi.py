"""Runs in an environment that has delphi and SAELens, not ours: delphi caches what every latent of FOLDER/sae fires on
and builds the examples and the text without firings that its explainers and scorers are given; no LLM is asked.

MODEL TOKENS FOLDER OPTIONS, see glued_arguments.py; the cache lies in FOLDER/latents.
"""

# pyright: reportMissingImports=false
import json

import torch
from delphi.config import CacheConfig, ConstructorConfig, SamplerConfig
from delphi.latents import LatentCache, LatentDataset
from glued_arguments import arguments
from lens_model import tokenizer_of
from sae_lens import SAE
from transformers import AutoModelForCausalLM

SPLITS = 5
folder, token_ids, work, options = arguments()
model = AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32)
sae = SAE.load_from_disk(work / "sae", device="cpu")
site, cached = f"transformer.h.{options['block']}", work / "latents"
settings = CacheConfig(cache_ctx_len=token_ids.shape[1], n_tokens=token_ids.numel(), n_splits=SPLITS)
cache = LatentCache(model, {site: sae.encode}, batch_size=settings.batch_size)
cache.run(token_ids.numel(), token_ids)
cached.mkdir(parents=True, exist_ok=True)
cache.save_splits(SPLITS, cached)
cache.save_config(cached, settings, "gpt2")
found = LatentDataset(
    cached,
    SamplerConfig(),
    ConstructorConfig(faiss_embedding_cache_enabled=False),
    tokenizer=tokenizer_of(folder),
    modules=[site],
    latents={site: torch.arange(options["n_features"])},
)
n = sum(record is not None for record in found)
(work / "delphi.json").write_text(json.dumps({"latents_with_examples": n}))

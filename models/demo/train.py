"""Trains the bundled model: a small GPT-2 on the Python standard library's source.

    python -m models.demo.train                                             # from nothing: plateau, then decay
    python -m models.demo.train --start FOLDER --steps 700 --plateau 0      # only the decay, from weights saved on
    the plateau

Byte-level BPE of 4,096 tokens, d_model 256, 5 layers, 4 heads, context 256, tied embeddings: 5.1 M parameters, stored
in float16 (10.1 MB). Hidden matrices learn by Muon, the rest by AdamW; bf16 autocast; the learning rate warms up,
stays, and falls to zero. One document in sixteen is held out (`models.corpora.documents`) and never seen; its
loss is printed in bits per byte beside a unigram model and an interpolated n-gram model over the same tokens. Of the
library's own tests (more Python of the same hands) a third is mixed into each epoch, never held out: what is reported
is measured on the library's source alone.
"""

import argparse
import json
import math
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from models.corpora.documents import Document, is_held_out
from models.corpora.sources.stdlib import stdlib_documents

HERE = Path(__file__).parent
VOCABULARY, CONTEXT, BATCH = 4096, 256, 16
TESTS_SHARE = 1 / 3
BOUNDARY = "<|endoftext|>"


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Learns a byte-level BPE and puts the boundary token before every text it encodes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[BOUNDARY], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOUNDARY} $A", special_tokens=[(BOUNDARY, 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOUNDARY, eos_token=BOUNDARY, pad_token=BOUNDARY, model_max_length=CONTEXT
    )


def encode(tokenizer: PreTrainedTokenizerFast, documents: list[Document]) -> list[np.ndarray]:
    """Token ids of each document, without the boundary token."""
    encoded = tokenizer([d.text for d in documents], add_special_tokens=False, verbose=False)["input_ids"]
    return [np.asarray(ids, dtype=np.int64) for ids in encoded]


def contexts(encoded: list[np.ndarray], phase: np.random.Generator | None = None) -> np.ndarray:
    """Rows of boundary token and the next 255 tokens of one document; -1 fills a short tail.

    With a `phase`, each document is cut from a random offset on, so that no epoch sees the same windows.
    """
    width = CONTEXT - 1
    rows = []
    for ids in encoded:
        first = int(phase.integers(width)) if phase is not None and len(ids) > 2 * width else 0
        starts = [0, *range(first, len(ids), width)] if first else range(0, len(ids), width)
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            row = np.full(CONTEXT, -1, dtype=np.int64)
            row[0] = 0
            row[1 : 1 + end - start] = ids[start:end]
            rows.append(row)
    return np.stack(rows)


def nll(model: GPT2LMHeadModel, rows_CT: torch.Tensor) -> torch.Tensor:
    """Summed negative log-likelihood of every token after the first, padding left out."""
    logits = model(input_ids=rows_CT.clamp_min(0)).logits[:, :-1].float()
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), rows_CT[:, 1:].flatten(), ignore_index=-1, reduction="sum"
    )


@torch.no_grad()
def bits_per_byte(model: GPT2LMHeadModel, rows: np.ndarray, n_bytes: int) -> float:
    """Held-out loss over non-overlapping contexts, in bits for each byte of the text."""
    model.eval()
    total = 0.0
    for batch in torch.from_numpy(rows).split(64):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            total += nll(model, batch).item()
    model.train()
    return total / math.log(2) / n_bytes


def ngram_bits_per_byte(train: list[np.ndarray], held_out: list[np.ndarray], n_bytes: int, order: int) -> float:
    """Interpolated Witten-Bell n-gram over the same tokens: what counting alone achieves."""
    counts: list[dict[tuple[int, ...], Counter[int]]] = [defaultdict(Counter) for _ in range(order)]
    for ids in (document.tolist() for document in train):
        for i, token in enumerate(ids):
            for n in range(min(order, i + 1)):
                counts[n][tuple(ids[i - n : i])][token] += 1
    totals = [{context: sum(seen.values()) for context, seen in level.items()} for level in counts]
    bits = 0.0
    for ids in (document.tolist() for document in held_out):
        for i, token in enumerate(ids):
            p = 1 / VOCABULARY
            for n in range(min(order, i + 1)):
                context = tuple(ids[i - n : i])
                if context not in totals[n]:
                    break
                seen, total = counts[n][context], totals[n][context]
                p = (seen[token] + len(seen) * p) / (total + len(seen))
            bits -= math.log2(p)
    return bits / n_bytes


def untrained() -> GPT2LMHeadModel:
    """The model before its first step."""
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=CONTEXT,
            n_embd=256,
            n_layer=5,
            n_head=4,
            activation_function="gelu_pytorch_tanh",
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            resid_pdrop=0.0,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=None,
            use_cache=False,
        )
    )


def optimizers(model: GPT2LMHeadModel) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for embeddings, norms and biases."""
    hidden = [p for p in model.transformer.h.parameters() if p.ndim == 2]
    ids = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in ids]
    muon = torch.optim.Muon(hidden, lr=3e-3, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(rest, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]


def rate(step: int, steps: int, plateau: float) -> float:
    """Learning rate as a share of its peak: 50 steps up, level for `plateau` of the run, linear to zero after it."""
    return min(1.0, (step + 1) / 50, (steps - step) / (steps * (1 - plateau)))


def save(model: GPT2LMHeadModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes config, tokenizer and float16 weights as any transformers model has them."""
    state = {name: tensor.half() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    model.save_pretrained(folder, state_dict=state)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}, indent=2) + "\n")
    (folder / "generation_config.json").unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)


def train(steps: int, plateau: float, folder: Path, start: Path | None, seed: int) -> None:
    """Learns tokenizer and model, prints the held-out loss as it goes, and saves both."""
    torch.manual_seed(seed)
    source = list(stdlib_documents())
    held_out = [d for d in source if is_held_out(d.document_id)]
    kept_out, names = {d.document_id for d in held_out}, {d.document_id for d in source}
    tests = [d for d in stdlib_documents(tests=True) if d.document_id not in names]
    seen = [d for d in source if d.document_id not in kept_out]
    n_bytes = sum(len(d.text.encode()) for d in held_out)

    tokenizer = PreTrainedTokenizerFast.from_pretrained(start) if start else train_tokenizer([d.text for d in seen])
    seen_ids, tests_ids, held_out_ids = (encode(tokenizer, part) for part in (seen, tests, held_out))
    held_out_rows = contexts(held_out_ids)
    for name, part in (("source", seen_ids), ("tests", tests_ids), ("held out", held_out_ids)):
        print(f"{name}: {len(part)} documents, {sum(map(len, part)):,} tokens", flush=True)

    model = GPT2LMHeadModel.from_pretrained(start, dtype=torch.float32) if start else untrained()
    print(f"{model.num_parameters():,} parameters", flush=True)
    learners = optimizers(model)
    peaks = [group["lr"] for learner in learners for group in learner.param_groups]
    loss_of = torch.compile(nll)
    chance, rows, at, began, spent = (
        np.random.default_rng(seed),
        np.empty((0, CONTEXT), np.int64),
        0,
        time.monotonic(),
        0.0,
    )
    for step in range(steps):
        if at + BATCH > len(rows):
            tests_rows = chance.permutation(contexts(tests_ids, chance))
            epoch = [contexts(seen_ids, chance), tests_rows[: int(TESTS_SHARE * len(tests_rows))]]
            rows, at = chance.permutation(np.concatenate(epoch)), 0
        batch = torch.from_numpy(rows[at : at + BATCH])
        at += BATCH
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(model, batch) / (batch[:, 1:] >= 0).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group, peak in zip((g for learner in learners for g in learner.param_groups), peaks, strict=True):
            group["lr"] = peak * rate(step, steps, plateau)
        for learner in learners:
            learner.step()
            learner.zero_grad()
        spent += loss.item()
        if step % 50 == 49:
            pace = (step + 1) * BATCH * CONTEXT / (time.monotonic() - began)
            print(f"step {step + 1}: loss {spent / 50:.4f} nats a token, {pace:,.0f} tokens/s", flush=True)
            spent = 0.0
        if step % 500 == 499 or step + 1 == steps:
            print(
                f"step {step + 1}: held out {bits_per_byte(model, held_out_rows, n_bytes):.4f} bits per byte",
                flush=True,
            )
            save(model, tokenizer, folder)
    for order in (1, 3):
        counted = ngram_bits_per_byte(seen_ids + tests_ids, held_out_ids, n_bytes, order)
        print(f"{order}-gram: {counted:.3f} bits per byte over {n_bytes:,} bytes", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2700)
    parser.add_argument("--plateau", type=float, default=0.74, help="share of the steps before the decay")
    parser.add_argument("--start", type=Path, help="folder of a model to go on from")
    parser.add_argument("--folder", type=Path, default=HERE)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    train(given.steps, given.plateau, given.folder, given.start, given.seed)

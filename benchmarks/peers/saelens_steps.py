"""Runs in an environment that has SAELens, not ours: trains its TopK on the tokens of a file, as many steps as it is
told.

    python saelens_steps.py <tokens.safetensors> <JSON: d_in, d_sae, k, batch, lr, steps, device, threads>

Reads commands from standard input and answers each with one line: `N` does N steps and says how many seconds they took;
`fvu` says the fraction of the held-out tokens' variance that is unexplained.
"""

# pyright: reportMissingImports=false
import contextlib
import json
import sys
import time

import torch
from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.training.sae_trainer import SAETrainer
from safetensors.torch import load_file

tokens, options = load_file(sys.argv[1]), json.loads(sys.argv[2])
torch.set_num_threads(options["threads"])
device, batch, steps = options["device"], options["batch"], options["steps"]
x_TD, unseen_TD = tokens["x_TD"].to(device), tokens["unseen_TD"].to(device)
with contextlib.redirect_stdout(sys.stderr):
    sae = TopKTrainingSAE(
        TopKTrainingSAEConfig(d_in=options["d_in"], d_sae=options["d_sae"], k=options["k"], device=device)
    )
    config = SAETrainerConfig(
        total_training_samples=steps * batch,
        train_batch_size_samples=batch,
        lr=options["lr"],
        lr_end=0.0,
        lr_warm_up_steps=steps // 20,
        lr_decay_steps=steps // 5,
        device=device,
        autocast=device == "cuda",
        dead_feature_window=max(1, steps // 20),
        logger=LoggingConfig(log_to_wandb=False),
    )
    trainer = SAETrainer(config, sae, iter(()))
done = 0
for line in sys.stdin:
    if line.strip() == "fvu":
        with torch.no_grad():
            error = (unseen_TD - sae(unseen_TD)).double().square().sum()
        answer = float(error / (unseen_TD - unseen_TD.mean(0)).double().square().sum())
    else:
        began = time.perf_counter()
        for _ in range(int(line)):
            first = done * batch % len(x_TD)
            trainer.step(x_TD[first : first + batch])
            trainer.n_training_steps += 1
            done += 1
        if device == "cuda":
            torch.cuda.synchronize()
        answer = time.perf_counter() - began
    print(answer, flush=True)

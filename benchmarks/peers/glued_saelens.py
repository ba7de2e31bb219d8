"""Runs in an environment that has SAELens, not ours: its own runner harvests activations and trains a TopK dictionary.

MODEL TOKENS FOLDER OPTIONS, see glued_arguments.py; what is trained lies in FOLDER/sae. Weights of the model, batch,
rate and number of tokens are told; all else is SAELens's default, but for evaluation during training, which is off.
"""

# pyright: reportMissingImports=false
from datasets import Dataset
from glued_arguments import arguments
from lens_model import lens_model
from sae_lens import LanguageModelSAERunnerConfig, LanguageModelSAETrainingRunner
from sae_lens.config import LoggingConfig
from sae_lens.saes.topk_sae import TopKTrainingSAEConfig
from transformer_lens import HookedTransformer

folder, token_ids, work, options = arguments()
model = lens_model(folder, HookedTransformer)
n_steps = options["training_tokens"] // options["batch"]
config = LanguageModelSAERunnerConfig(
    sae=TopKTrainingSAEConfig(d_in=model.cfg.d_model, d_sae=options["n_features"], k=options["k"]),
    model_name="gpt2",
    hook_name=options["hook"],
    is_dataset_tokenized=True,
    context_size=token_ids.shape[1],
    prepend_bos=False,
    training_tokens=n_steps * options["batch"],
    train_batch_size_tokens=options["batch"],
    n_batches_in_buffer=64,  # as in its tutorial: the default is too small for batches of 4,096
    lr=options["lr"],
    lr_warm_up_steps=n_steps // 20,
    lr_decay_steps=n_steps // 5,
    n_checkpoints=0,
    n_eval_batches=0,
    logger=LoggingConfig(log_to_wandb=False, eval_every_n_wandb_logs=10**9),
    device="cpu",
    output_path=str(work / "sae"),
    checkpoint_path=None,
)
texts = Dataset.from_dict({"tokens": token_ids.tolist()})
LanguageModelSAETrainingRunner(config, override_dataset=texts, override_model=model).run()

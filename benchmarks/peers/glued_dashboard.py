"""Runs in an environment that has SAEDashboard, not ours: the data of the page of every latent of FOLDER/sae, as JSON.

MODEL TOKENS FOLDER OPTIONS, see glued_arguments.py; the pages' data lie in FOLDER/dashboard.json.
"""

# pyright: reportMissingImports=false
from glued_arguments import arguments
from lens_model import lens_model
from sae_dashboard.sae_vis_data import SaeVisConfig
from sae_dashboard.sae_vis_runner import SaeVisRunner
from sae_lens import SAE, HookedSAETransformer

folder, token_ids, work, options = arguments()
model = lens_model(folder, HookedSAETransformer)
sae = SAE.load_from_disk(work / "sae", device="cpu")
asked = SaeVisConfig(hook_point=options["hook"], features=range(options["n_features"]), device="cpu")
SaeVisRunner(asked).run(encoder=sae, model=model, tokens=token_ids).save_json(work / "dashboard.json")

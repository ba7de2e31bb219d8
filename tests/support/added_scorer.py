"""The one file of a made-up scorer."""

NAME = "rule_on_peak"
SCORER = '''"""Does the label's rule hold on the token where the activation is highest? Made up by a test."""

from models.autointerp.judge_task import WindowTask, show_marked
from models.autointerp.scorers.detection import detection_trials
from models.autointerp.trial_runs import judged
from models.autointerp.trials import Judgement
from models.autointerp.yes_no import FIRES, yes_no, yes_no_metrics


def _holds_on_peak(rules):
    return [Judgement(holds) for holds in rules.held_S[rules.start_N[:-1] + rules.peak_N].tolist()]


SCORER = judged(
    WindowTask("rule_on_peak", FIRES, 250, show_marked, yes_no, _holds_on_peak),
    lambda inputs: detection_trials(inputs.examples, inputs.labels, {}),
    lambda examples, windows: yes_no_metrics(examples, windows)[:2],
    metrics={"balanced_accuracy": "mean of the shares of both kinds of windows", "f1": "the same as F1"},
    headline="balanced_accuracy",
)
'''
FILES = {f"models/autointerp/scorers/{NAME}.py": SCORER}

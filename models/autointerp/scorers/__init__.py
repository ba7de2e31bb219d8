"""Tests that labels are put to, one file per scorer: its trials, prompt, answers, metrics and headline in `SCORER`."""

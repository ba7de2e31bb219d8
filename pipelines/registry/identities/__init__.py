"""What each stage's rows depend on, said once: a stage is a file of `stages/`, or stands beside its asset."""

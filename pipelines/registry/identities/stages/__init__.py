"""One file per stage: its code version, the card fields that it alone brings in, and the stages that it reads."""

"""The one set of partitions: a key is a sae_id, `{model_id}/{recipe_id}`."""

import dagster as dg

sae_partitions = dg.DynamicPartitionsDefinition(name="sae")

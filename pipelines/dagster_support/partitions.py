"""The one set of partitions: a key is a sae_id, `{model_id}/{recipe_id}`."""

import dagster as dg

by_sae = dg.DynamicPartitionsDefinition(name="sae")

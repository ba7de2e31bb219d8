-- Which dictionaries were made as the registry asks, and lack features, examples or metrics?
select
    r.model_id || '/' || r.recipe_id as sae_id,
    exists (from feature as f where f.model_id = r.model_id and f.recipe_id = r.recipe_id) as has_features,
    exists (from example as e where e.model_id = r.model_id and e.recipe_id = r.recipe_id) as has_examples,
    exists (from sae_metric as m where m.model_id = r.model_id and m.recipe_id = r.recipe_id) as has_metrics
from registry_entry as r
inner join sae as s
    on s.model_id = r.model_id and s.recipe_id = r.recipe_id and s.identity = r.identity
where not (has_features and has_examples and has_metrics)
order by sae_id;

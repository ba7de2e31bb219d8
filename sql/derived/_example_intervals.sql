-- How many intervals the examples of the dictionaries in `touched` were drawn from: `_feature_label`, which comes next, reads it.
update sae
set n_intervals = counted.n_intervals
from (
    select
        s.model_id,
        s.recipe_id,
        max(e.interval_index) + 1 as n_intervals
    from sae as s
    semi join touched using (model_id, recipe_id)
    left join example as e using (model_id, recipe_id)
    group by all
) as counted
where sae.model_id = counted.model_id and sae.recipe_id = counted.recipe_id;

-- Families of units, with the angles that their members prefer for the family's stimulus.
select
    f.family_id,
    f.family_stimulus,
    f.n_members,
    f.coverage,
    list(coalesce(f.feature_id, f.channel) order by t.circular_mean) as units,
    list(t.circular_mean order by t.circular_mean) as angles,
    any_value(f.recipe_id) as recipe_id,
    any_value(f.site) as site
from unit_family as f
left join tuning_summary as t
    on f.model_id = t.model_id
        and f.experiment_id = t.experiment_id
        and f.site = t.site
        and f.feature_id is not distinct from t.feature_id
        and f.channel is not distinct from t.channel
        and f.family_stimulus = t.stimulus
where f.model_id = $model_id and f.experiment_id = $experiment_id and f.family_id is not null
group by f.family_id, f.family_stimulus, f.n_members, f.coverage
order by f.family_id;

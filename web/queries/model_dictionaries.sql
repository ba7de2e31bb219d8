-- The dictionaries of the model by layer: how faithful each is, and how much of it is labelled and scored.
with covered as (
    select
        model_id,
        recipe_id,
        count(label) as n_labelled,
        count(label) filter (where coalesce(detection, specificity_above_controls) is not null) as n_scored,
        count(*) filter (where explainer = 'human') as n_by_people
    from _feature_summary
    where model_id = $model_id
    group by all
)

select
    s.model_id,
    s.recipe_id,
    s.layer,
    s.site,
    s.architecture,
    s.n_features,
    s.n_dead,
    s.dead_fraction,
    s.l0,
    s.fvu,
    s.ce_recovered,
    s.detection,
    coalesce(c.n_labelled, 0) as n_labelled,
    coalesce(c.n_scored, 0) as n_scored,
    coalesce(c.n_by_people, 0) as n_by_people,
    s.created_at
from sae_summary as s
left join covered as c using (model_id, recipe_id)
where s.model_id = $model_id
order by s.layer nulls first, s.site, s.l0 nulls last, s.recipe_id;

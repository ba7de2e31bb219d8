-- Every check of a monitor that is raised.
select
    a.model_id,
    a.experiment_id,
    a.other_model_id,
    a.recipe_id,
    a.check_name,
    a.feature_id,
    a.tag,
    a.value,
    a.low,
    a.high,
    e.created_at
from alert as a
inner join experiment as e using (model_id, experiment_id)
where a.is_raised
order by e.created_at desc, a.model_id, a.experiment_id, a.check_name desc, a.feature_id
limit 100;

-- The checks of a monitor, those that are raised first.
select
    a.*,
    f.label
from alert as a
left join _feature_summary as f using (model_id, recipe_id, feature_id)
where a.model_id = $model_id and a.experiment_id = $experiment_id
order by a.is_raised desc, a.check_name desc, abs(a.value - a.reference) desc, a.feature_id;

-- From which frequency on words have a feature, dictionary by dictionary.
select *
from coverage_law
where model_id = $model_id and experiment_id = $experiment_id
order by n_features, recipe_id;

-- One image of an experiment, by its number.
select png
from optimised_image
where model_id = $model_id and experiment_id = $experiment_id
order by site, feature_id nulls last, channel nulls last, direction nulls last, image_seed
limit 1 offset $number;

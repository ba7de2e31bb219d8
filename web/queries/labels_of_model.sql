-- The label shown of each feature of the model's dictionaries.
select
    recipe_id,
    feature_id,
    label
from feature_card
where model_id = $model_id and label is not null;

-- A rating is of an explanation and an example that both exist, and of the same feature.
select
    s.model_id,
    s.recipe_id,
    'specificity rates explanation ' || s.explanation_id || ' of feature_id ' || s.feature_id || ', which explanation lacks' as what
from specificity as s
anti join explanation using (model_id, recipe_id, explanation_id, feature_id)

union all

select
    s.model_id,
    s.recipe_id,
    'specificity rates example ' || s.example_id || ' of feature_id ' || s.feature_id || ', which example lacks' as what
from specificity as s
anti join example using (model_id, recipe_id, example_id, feature_id);

-- A score is of an explanation that exists.
select
    model_id,
    recipe_id,
    'explanation_score scores explanation ' || explanation_id || ', which explanation lacks' as what
from explanation_score
anti join explanation using (model_id, recipe_id, explanation_id);

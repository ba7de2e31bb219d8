-- A dictionary's model and corpus have rows of their own.
select
    model_id,
    recipe_id,
    'sae names model ' || model_id || ', which model lacks' as what
from sae
anti join model using (model_id)

union all

select
    model_id,
    recipe_id,
    'sae names corpus ' || corpus_id || ' in frame ' || frame_sha256 || ', which corpus lacks' as what
from sae
anti join corpus using (corpus_id, frame_sha256);

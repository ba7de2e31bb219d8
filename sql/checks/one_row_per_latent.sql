-- A dictionary has one row of `feature` for each of its latents, dead ones included; a dump, whose frame is unknown, may lack some.
with counted as (
    select
        model_id,
        recipe_id,
        count(*) as n
    from feature
    group by all
)

select
    model_id,
    recipe_id,
    'feature has ' || n || ' rows, sae says n_features ' || n_features as what
from sae
join counted using (model_id, recipe_id)
where n > n_features or (n < n_features and frame_sha256 <> 'unknown');

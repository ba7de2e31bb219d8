-- The features of any dictionary whose label or top tokens contain a text, best matches first: a page of them, and how many.
select
    model_id,
    recipe_id,
    feature_id,
    label,
    top_tokens[:5] as top_tokens,
    specificity_above_controls,
    density,
    found_in,
    count(*) over () as n
from find_features($text)
limit $per_page offset $skipped;

-- How much of what fires each pair of languages shares, dictionary by dictionary.
select
    recipe_id,
    layer,
    language,
    other_language,
    overlap,
    unpaired_overlap,
    lift,
    n_sentences
from layer_language
where model_id = $model_id and experiment_id = $experiment_id
order by layer, recipe_id, language, other_language;

-- Every label of the feature with where it came from; failed attempts are rows too.
select
    explanation_id,
    label,
    status,
    error,
    explainer,
    author,
    llm,
    prompt,
    prompt_sha256,
    request_id,
    n_examples,
    input_tokens,
    output_tokens,
    cost_usd,
    created_at
from explanation
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id;

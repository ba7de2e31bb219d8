-- Whose labels are better: of which explainer, language model and prompt?
select
    sae_id,
    explainer,
    llm,
    prompt,
    count(*) as n,
    count(*) filter (where status <> 'ok') as n_failed,
    avg(detection) as detection,
    avg(headline_scores['fuzzing']) as fuzzing,
    avg(specificity_mean) as specificity_mean,
    avg(specificity_density_weighted) as specificity_density_weighted,
    avg(fraction_rated_3) as fraction_rated_3,
    avg(control_rating) as control_rating,
    avg(specificity_above_controls) as specificity_above_controls
from feature_label
group by all
order by sae_id, detection desc nulls last, explainer, llm, prompt;

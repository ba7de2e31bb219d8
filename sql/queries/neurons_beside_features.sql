-- Neurons beside features, model by model: how often a unit fires, how specific labels are, and whether they tell where it fires.
-- A neuron of a smooth activation fires on about half of the tokens: one meaning for it would have to be that of half the text.
with card as (
    select
        c.model_id,
        if(s.architecture = 'neurons', 'neurons', 'features') as basis,
        s.site,
        c.density,
        c.detection,
        c.specificity_mean,
        c.control_rating,
        len(c.top_tokens) as n_top_tokens
    from feature_card as c
    inner join sae as s using (model_id, recipe_id)
    where not c.is_dead
)

select
    model_id,
    basis,
    string_agg(distinct site, ', ' order by site) as sites,
    count(*) as n_units,
    median(density) as median_density,
    count(detection) as n_detected,
    median(detection) as median_detection,
    quantile_cont(detection, 0.25) as detection_low_quarter,
    quantile_cont(detection, 0.75) as detection_high_quarter,
    avg((detection > 0.8)::integer) as share_above_8,
    avg(specificity_mean) as specificity,
    avg(control_rating) as control_rating,
    avg(n_top_tokens) as top_tokens
from card
group by all
having count(detection) > 0
order by model_id, basis;

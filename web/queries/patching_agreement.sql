-- How well each approximation of patching agrees with patching itself, averaged over all prompts.
select
    method,
    direction,
    site,
    count(*) as n_prompts,
    sum(n_places) as n_places,
    avg(pearson) as pearson,
    avg(spearman) as spearman,
    avg(top_ten_share) as top_ten_share
from patching_agreement
where model_id = $model_id and experiment_id = $experiment_id
group by all
order by method, direction, site nulls first;

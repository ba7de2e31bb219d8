-- The graphs before and after that of a prompt, and how many the experiment has.
select
    max(prompt_id) filter (where prompt_id < $prompt_id) as previous,
    min(prompt_id) filter (where prompt_id > $prompt_id) as next,
    count(*) as n_graphs
from attribution_graph
where model_id = $model_id and experiment_id = $experiment_id;

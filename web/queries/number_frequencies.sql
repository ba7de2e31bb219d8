-- Frequencies with most units or the largest shares of the embeddings.
select
    *,
    sum(n_units) over () as n_all
from number_frequency
where model_id = $model_id and experiment_id = $experiment_id
order by n_units desc, embedding_share desc nulls last, frequency
limit 30;

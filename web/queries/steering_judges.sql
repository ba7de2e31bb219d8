-- How often the judge gave each rating, and what it gave plain, prompted and steered texts.
select llm, aspect, n_ratings, n_failed, commonest_rating, commonest_share, plain_mean, prompting_mean, steered_mean
from steering_judge
where model_id = $model_id and experiment_id = $experiment_id
order by llm, aspect;

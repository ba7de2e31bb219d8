-- How much few features say of each label, label by label.
select
    label,
    recipe_id,
    reads,
    n_latents,
    feature_ids,
    metric,
    value,
    ci_low,
    ci_high,
    baseline,
    n_train,
    n_test,
    n_test_of_label,
    length_area
from sparse_probe
where model_id = $model_id and experiment_id = $experiment_id
order by
    label,
    metric desc,
    list_position(
        [
            'chosen_latents',
            'latents_by_difference',
            'random_latents',
            'all_latents',
            'raw_activation',
            'shuffled_labels'
        ],
        reads
    ),
    n_latents;

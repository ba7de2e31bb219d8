-- What was forgotten and what stayed: the unedited model, every setting of the half that is reported, the selected first.
select
    forgotten,
    recipe_id,
    condition,
    max_retain_rate,
    n_features,
    multiple,
    feature_ids,
    is_selected,
    forget_accuracy,
    forget_ci_low,
    forget_ci_high,
    forget_loss,
    n_forget,
    retain_accuracy,
    retain_ci_low,
    retain_ci_high,
    retain_loss,
    n_retain,
    n_asked
from unlearning
where model_id = $model_id and experiment_id = $experiment_id and half = 'reporting'
order by
    forgotten,
    condition = 'unedited' desc,
    is_selected desc,
    condition,
    max_retain_rate,
    n_features,
    multiple;

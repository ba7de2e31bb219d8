-- The models that were read.
-- api: /models
select
    model_id,
    source,
    revision,
    architecture,
    n_layers,
    d_model,
    vocab_size,
    n_parameters,
    corpus_id,
    registered_at
from model
order by model_id;

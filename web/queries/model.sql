-- The model, and the corpus that it was read on.
select
    m.model_id,
    m.source,
    m.revision,
    m.architecture,
    m.n_layers,
    m.d_model,
    m.vocab_size,
    m.n_parameters,
    m.dtype,
    m.corpus_id,
    m.registered_at,
    c.source as corpus_source,
    c.n_documents,
    c.n_tokens,
    c.n_held_out,
    c.context_length,
    exists (from image as i where i.corpus_id = m.corpus_id) as sees_images
from model as m
left join corpus as c using (corpus_id)
where m.model_id = $model_id
order by c.n_tokens desc
limit 1;

-- In a dictionary, the embeddings of one encoder have one length.
select
    model_id,
    recipe_id,
    'embeddings of ' || encoder || ' have lengths ' || min(len(embedding)) || ' to ' || max(len(embedding)) as what
from label_embedding
group by model_id, recipe_id, encoder
having min(len(embedding)) < max(len(embedding));

-- Where the feature fires in images: the strongest places, some from every interval, and images where it is silent.
-- nothing without: patch_example
select
    p.kind,
    p.interval_index,
    p.rank,
    p.example_id,
    p.image_id,
    p.position_kind,
    p."row",
    p.col,
    p.grid_rows,
    p.grid_cols,
    p.x0,
    p.y0,
    p.x1,
    p.y1,
    p.activation,
    p.cells,
    p.cell_activations,
    i.document_id,
    i.label,
    i.caption,
    i.thumb_jpeg,
    i.view_height,
    i.view_width
from patch_example as p
join sae as s using (model_id, recipe_id)
join image as i on i.corpus_id = s.corpus_id and i.frame_sha256 = s.frame_sha256 and i.image_id = p.image_id
where
    p.model_id = $model_id
    and p.recipe_id = $recipe_id
    and p.feature_id = $feature_id
    and p.rank < if(p.kind = 'top', 16, if(p.kind = 'interval', 3, 6))
order by p.kind, p.interval_index desc nulls first, p.rank;

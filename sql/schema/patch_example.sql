-- Places in images where features of vision models fire, and controls where they do not.
create table patch_example (
    model_id varchar not null,
    recipe_id varchar not null,
    feature_id integer not null,
    kind varchar not null,
    interval_index integer,
    rank integer not null,
    example_id varchar not null,
    image_id bigint not null,
    position_kind varchar not null,
    "row" integer,
    col integer,
    grid_rows integer not null,
    grid_cols integer not null,
    x0 integer not null,
    y0 integer not null,
    x1 integer not null,
    y1 integer not null,
    activation double not null,
    cells integer[] not null,
    cell_activations float[] not null,
    check (feature_id >= 0),
    check (kind in ('top', 'interval', 'control')),
    check (rank >= 0),
    check (image_id >= 0),
    check (position_kind in ('cls', 'register', 'patch')),
    check ((position_kind = 'patch') = ("row" is not null and col is not null)),
    check ("row" between 0 and grid_rows - 1),
    check (col between 0 and grid_cols - 1),
    check (x0 >= 0 and y0 >= 0 and x0 < x1 and y0 < y1),
    check (isfinite(activation) and activation >= 0),
    check (len(cells) = len(cell_activations))
);

comment on table patch_example is 'One row per (model_id, recipe_id, feature_id, kind, interval_index, rank): a place in an image, of the row of example with the same example_id. Refers to feature (model_id, recipe_id, feature_id)';
comment on column patch_example.model_id is 'Card of the model [id]';
comment on column patch_example.recipe_id is 'Card of the recipe [id]';
comment on column patch_example.feature_id is 'Latent of the dictionary, counted from 0 [index]';
comment on column patch_example.kind is 'top (strongest), interval (drawn from a slice of the activations) or control (of an image where the feature is silent) [text]';
comment on column patch_example.interval_index is 'Slice of (0, max activation], from 0; null for controls and for top examples [index]';
comment on column patch_example.rank is 'Place among its kind and interval [index]';
comment on column patch_example.example_id is 'Example that it says the place of [id]';
comment on column patch_example.image_id is 'Image of the corpus, in the table image [index]';
comment on column patch_example.position_kind is 'patch (or a position of a convolutional map), cls or register [text]';
comment on column patch_example."row" is 'Row of the patch in the grid, from 0; null for CLS and registers [index]';
comment on column patch_example.col is 'Column of the patch in the grid, from 0; null for CLS and registers [index]';
comment on column patch_example.grid_rows is 'Rows of the grid of the site [patches]';
comment on column patch_example.grid_cols is 'Columns of the grid of the site [patches]';
comment on column patch_example.x0 is 'Left edge of what moves the position: its patch, or the effective receptive field of a map [pixels]';
comment on column patch_example.y0 is 'Upper edge of it [pixels]';
comment on column patch_example.x1 is 'Right edge of it, the first column beyond [pixels]';
comment on column patch_example.y1 is 'Lower edge of it, the first row beyond [pixels]';
comment on column patch_example.activation is 'Activation at the place; 0 for a control [activation]';
comment on column patch_example.cells is 'All patches of the image at which the feature fires, row by row from 0 [index]';
comment on column patch_example.cell_activations is 'Activations there [activation]';

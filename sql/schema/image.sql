-- Images that vision models see.
create table image (
    corpus_id varchar not null,
    frame_sha256 varchar not null,
    image_id bigint not null,
    document_id varchar not null,
    sha256 varchar not null,
    width integer not null,
    height integer not null,
    label varchar,
    caption varchar,
    is_held_out boolean not null,
    thumb_jpeg varchar not null,
    view_height integer not null,
    view_width integer not null,
    check (image_id >= 0),
    check (width > 0 and height > 0),
    check (view_height > 0 and view_width > 0)
);

comment on table image is 'One row per (corpus_id, frame_sha256, image_id): an image, as the preprocessing of a model makes it. Refers to corpus (corpus_id, frame_sha256)';
comment on column image.corpus_id is 'Corpus [id]';
comment on column image.frame_sha256 is 'Hash of the preprocessing: size, crop, mean and standard deviation [sha256]';
comment on column image.image_id is 'Number of the image, which is its context_id in example [index]';
comment on column image.document_id is 'File below the corpus''s folder, or row [id]';
comment on column image.sha256 is 'Hash of the file''s bytes [sha256]';
comment on column image.width is 'Width of the image, turned as its EXIF says, before the model resizes it [pixels]';
comment on column image.height is 'Height of the image, likewise [pixels]';
comment on column image.label is 'What it shows, as the card''s column or its folder says; null where neither does [text]';
comment on column image.caption is 'Description by the card''s column; null where there is none [text]';
comment on column image.is_held_out is 'Whether nothing is trained on it [yes or no]';
comment on column image.thumb_jpeg is 'What the model sees, at most 224 pixels a side, as JPEG in base64 [base64]';
comment on column image.view_height is 'Height of what the model sees, in whose pixels boxes are told [pixels]';
comment on column image.view_width is 'Width of what the model sees [pixels]';

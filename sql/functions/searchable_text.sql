-- A text as labels and tokens are searched for it: in lower case, without the backticks that labels put around tokens.
-- A text of nothing else keeps them.
create macro searchable_text(searched) as
coalesce(nullif(replace(lower(searched), '`', ''), ''), lower(searched));

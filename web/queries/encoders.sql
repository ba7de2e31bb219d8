-- Who read labels, so that a text can be compared with them.
select distinct encoder
from label_embedding;

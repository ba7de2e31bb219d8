"""What a card may set of each method: one file per method, named after it, that loads no heavy library."""

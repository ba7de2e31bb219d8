"""Labels for features and ratings of the labels: a lexical baseline that needs nothing, and LLMs behind a ledger and a
budget."""

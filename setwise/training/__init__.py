"""Who learns: the small model and tokenizer from config, supervised warm start, multi-answer RL."""

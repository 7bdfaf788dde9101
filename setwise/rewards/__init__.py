"""Set-level rewards that follow TRL's reward function protocol."""

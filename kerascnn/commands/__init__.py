"""The commands, one module each: what they parse, the one call, what they print."""

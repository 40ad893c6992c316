"""Pure parts of a session: no input or output, no clock, no chance."""

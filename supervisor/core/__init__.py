"""Pure rules of a box: no input or output, no clock, no chance."""

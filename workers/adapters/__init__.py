"""Pure translators between one agent's dialect and the records of a session."""

"""How bytes reach an agent."""

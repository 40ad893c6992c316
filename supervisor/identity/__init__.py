"""Who may come in: the key of the box, the devices it knows, and what these show to prove who they are."""

"""What goes on over one connection: a session, the box, or a program, over WebSocket or server-sent events."""

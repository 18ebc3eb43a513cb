"""Users of an original Laverna signaling server, taken over from a mongoexport of its collection."""

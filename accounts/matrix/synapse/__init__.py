"""Accounts of a Synapse homeserver, taken over from its database (docs/import-synapse.md)."""

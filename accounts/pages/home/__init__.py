"""The account as its owner looks after it: profile, addresses, devices, keys, what happened, closing it.

The files here are services on ground verbs; `views` holds one file of views for each. Every row that is asked for is
looked up among the account's own.
"""

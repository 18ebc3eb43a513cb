"""Is this process going down? `/readyz` answers 503 from then on (R59).

Read it as `state.draining` after `from idp.server import state`; a name imported from here would keep its old
value.
"""

draining: bool = False

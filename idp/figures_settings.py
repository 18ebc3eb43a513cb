"""The settings of log, figures and health in Django's terms; `idp/settings.py` takes them over."""

from idp.declared import values as _declared

REQUEST_LOG: bool = _declared["REQUEST_LOG"]
METRICS_TOKEN: str = _declared["METRICS_TOKEN"].strip()  # of a file with a line end
READY_MAIL_AGE: int = _declared["READY_MAIL_AGE"]

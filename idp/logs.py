"""Log lines: JSON, one a line, control characters escaped by the encoding itself (R51)."""

import logging

import structlog


def json_formatter() -> logging.Formatter:
    """A formatter for `logging.config` that renders records of the standard library and of structlog alike."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )

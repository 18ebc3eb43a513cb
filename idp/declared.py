"""What the operator said, read once; a value that means nothing ends the start with one line."""

import sys
from pathlib import Path
from typing import Any

from idp.declarations import SECTIONS
from idp.environment import UnknownValue, process_environment, read

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    values: dict[str, Any] = read(SECTIONS, process_environment(BASE_DIR))
except UnknownValue as unknown:
    sys.exit(f"Latchkey cannot start: {unknown}")

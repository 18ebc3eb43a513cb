"""`python -m tests.demo` prints the five doors; with a name, the long transcript of one door, or of `all`.

`python -m tests.demo page` prints docs/five-doors.md.
"""

import contextlib
import io
import sys

from tests.demo import doors, five, page


def main(wanted: str) -> None:
    if not wanted:
        five.main()
    elif wanted == "page":
        with contextlib.redirect_stdout(io.StringIO()) as written:
            five.main()
        print(page.of(written.getvalue()), end="")
    else:
        for name in doors.DOORS if wanted == "all" else [wanted]:
            doors.DOORS[name]()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")

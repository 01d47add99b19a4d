"""The conformance cases in nginx with Lua:  python in_nginx.py URL CASES...

Prints a line of JSON for each case and exits 1 if one failed."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1]
RUN_SECONDS = 280.0
sys.path[:0] = [str(TESTS), str(TESTS / "openresty")]

from nginx import Nginx  # noqa: E402

WARM_UP = "return select(2, require('resty.resilicache').new {{ url = '{url}' }}:get 'warm')"
PLAY = """
package.path = "{here}/?.lua;" .. package.path
local lines = {{}}
local prefix = "resilicache-conform:" .. ngx.var.request_id .. ":"
local cases = require("words").read_cases {{ {files} }}
local failed = require("suite").play(cases, require "nginx_world", "{url}", prefix, function(line)
    lines[#lines + 1] = line
end)
return failed .. "\\n" .. table.concat(lines, "\\n")
"""


def main(url: str, *files: str) -> int:
    nginx = Nginx("")
    try:
        for _ in range(2):  # the first request of a worker has connections of its own
            nginx.run(WARM_UP.format(url=url))
        names = ", ".join(f'"{file}"' for file in files)
        code = PLAY.format(here=HERE, url=url, files=names)
        failed, _, lines = nginx.run(code, RUN_SECONDS).partition("\n")
    finally:
        nginx.stop()
    print(lines)
    for line in nginx.complaints():
        print(line, file=sys.stderr)
    return 0 if failed == "0" and not nginx.complaints() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

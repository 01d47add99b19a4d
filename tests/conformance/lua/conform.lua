-- The conformance cases in plain Lua:  lua conform.lua URL CASES...
-- Prints a line of JSON for each case and exits 1 if one failed.
local here = arg[0]:match("^(.*)/") or "."
package.path = here .. "/?.lua;" .. package.path

local plain = require "plain"
local suite = require "suite"
local words = require "words"

local url = table.remove(arg, 1)
local prefix = ("resilicache-conform:%s%d:"):format(tostring({}):match("0x(%x+)") or "0", os.time())
local failed

plain.run(function()
    failed = suite.play(words.read_cases(arg), plain, url, prefix, function(line)
        print(line)
        io.stdout:flush()
    end)
end)
os.exit(failed == 0 and 0 or 1)

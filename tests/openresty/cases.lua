-- The cases of the plain Lua module, for what both have in common.
local cases = {}

local GROUPS = { "values", "loaders", "updates", "lifetimes", "mistakes" }

-- What is not the same here: refreshes go on behind, nothing is to be paused, and wrong arguments have other words.
local NOT_HERE = {
    ["values.invalidate"] = true,
    ["loaders.stale_while_the_loader_fails"] = true,
    ["loaders.coroutines_wait_for_each_other"] = true,
    ["mistakes.wrong_arguments"] = true,
    ["mistakes.options"] = true,
}

package.loaded.resilicache = {
    open = function(url, options)
        local all = { url = url, lock_expire = "1s", op_timeout = "5s" }
        for name, value in pairs(options or {}) do
            all[name] = value
        end
        return require("resty.resilicache").new(all)
    end,
}

-- Runs them all; returns how many there were and what failed.
function cases.run(url)
    local scene = require "scene"
    local count, failures = 0, {}
    scene.url = url
    for _, group in ipairs(GROUPS) do
        for name, case in pairs(require(group)) do
            name = group .. "." .. name
            if not NOT_HERE[name] then
                count = count + 1
                scene.prefix = ("openresty-test:%s:%d:"):format(ngx.var.request_id, count)
                local cache = scene.open()
                local ok, message = xpcall(case, debug.traceback, cache)
                cache:close()
                failures[#failures + 1] = not ok and name .. ": " .. message or nil
            end
        end
    end
    return count, table.concat(failures, "\n")
end

return cases

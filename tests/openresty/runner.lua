-- Runs the code in the body of the request, and sends what it returns, as texts with blanks between them.
local runner = {}

local function texts(...)
    local found = {}
    for i = 1, select("#", ...) do
        found[i] = tostring((select(i, ...)))
    end
    return table.concat(found, " ")
end

local function answer(ok, ...)
    ngx.status = ok and 200 or 500
    ngx.print(texts(...))
end

function runner.content()
    ngx.req.read_body()
    local code = assert(loadstring(ngx.req.get_body_data(), "=request"))
    return answer(xpcall(code, debug.traceback))
end

return runner

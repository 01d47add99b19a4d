-- solo: a step and connections of the request's own, out of a pool.  For values that would hold up those who share a
-- connection, and for where no timer can be had.
--
-- A connection is held only as long as something is due by it, and never while a loader runs.  Waiting for what others
-- load is by looking now and then: whoever can goes to the shared connections for that.

local ffi = require "ffi"
local semaphore = require "ngx.semaphore"
local library = require "resty.resilicache.ffi"
local socket = require "resty.resilicache.socket"
local Step = require "resty.resilicache.step"

local C = library.C

local POOL_SIZE = 32
local POOL_IDLE_MS = 60000
local LONGEST_SECONDS = 10
local SETTLE_SECONDS = 0.5
local LOOK_SECONDS = 0.25 -- how often it is looked whether the loader lives
local LOOK_STEP = 1000
local FACTS_SIZE = 256

local Solo = setmetatable({}, { __index = Step })
Solo.__index = Solo

local facts_buffer = ffi.new("char[?]", FACTS_SIZE)

-- What the handshake found out, or nil as long as it isn't through.
local function facts_of(self, link)
    local size = tonumber(C.rcache_stepper_facts(self.stepper, link.node, facts_buffer, FACTS_SIZE))
    return size > 0 and size < FACTS_SIZE and ffi.string(facts_buffer, size) or nil
end

local function is_idle(self, link)
    return C.rcache_stepper_idle(self.stepper, link.node) == 1
end

local function pause_of(self)
    return math.max(self:wait_seconds(self.patience or LONGEST_SECONDS), 0.001)
end

-- ---- what drain tells of: done by exchange, which may yield ----

function Solo.opened() end

function Solo.outgoing() end

function Solo.finished() end

function Solo.ring()
    return true
end

function Solo.ended(_, link)
    if link.socket then
        link.socket:close()
    end
end

-- ---- connections ----

-- The pool's name has the server and the facts about it: so what comes out of it needs no handshake.  A connection
-- without them, or one that comes after another that was of no use, is a new one, and not pooled.
local function connect(self, link)
    local facts = not self.distrustful and self.pool.facts[link.address]
    local pool = ("%s:%s:%s"):format(self.pool.name, link.address, facts or "new")
    local ok, err = socket.connect(link, pool, POOL_SIZE)
    if not ok or link.ended then
        self:lose(link, err)
        return
    end
    link.facts = facts
    link.reused = link.socket:getreusedtimes() > 0
    C.rcache_stepper_connected(self.stepper, link.node, link.reused and facts or nil)
end

-- Back into the pool, if it is as its pool's name says.
local function give_back(self, link)
    local facts = facts_of(self, link)
    if facts then
        self.pool.facts[link.address] = facts
    end
    self:lose(link, nil)
    if not (facts and facts == link.facts and link.socket:setkeepalive(POOL_IDLE_MS, POOL_SIZE)) then
        link.socket:close()
    end
end

local function give_back_idle(self)
    for _, link in pairs(self.links) do
        if link.socket and is_idle(self, link) then
            give_back(self, link)
        end
    end
end

local function failed(self, link, err)
    self.distrustful = self.distrustful or link.reused
    self:lose(link, err)
    link.socket:close()
end

local function send(self, link)
    local sent, err = socket.send(link)
    if not sent then
        failed(self, link, err)
    end
end

local function receive(self, link)
    socket.set_patience(link, pause_of(self))
    local take = self.by_lines and facts_of(self, link) and socket.receive_line or socket.receive
    local ok, err, body = take(self, link)
    self.body = body or self.body
    if not ok and err ~= "timeout" then
        failed(self, link, err)
    end
end

-- Does one thing that is to be done for a connection.  Returns false if there is none.
local function exchange(self)
    for _, link in pairs(self.links) do
        local act = not link.socket and connect or #link.out > 0 and send or not is_idle(self, link) and receive
        if act then
            act(self, link)
            return true
        end
    end
    return false
end

-- Until nothing is due any more, if that doesn't take long.
local function settle(self)
    local began = ngx.now()
    self.patience = SETTLE_SECONDS
    local is_settled
    repeat
        self:drain()
        is_settled = not exchange(self)
    until is_settled or ngx.now() - began > SETTLE_SECONDS
    self.patience = nil
    return is_settled
end

-- ---- ops ----

function Solo:submit(op, take)
    return self:place(op, take)
end

--- Until the slot has news: a load, or its end.  Returns false instead of waiting for what others do, if `hurried`.
function Solo:await(slot, hurried)
    while true do
        self:drain()
        if slot.landed or slot.load then
            return true
        elseif not exchange(self) then
            if hurried then
                return false
            end
            give_back_idle(self)
            ngx.sleep(pause_of(self))
        end
    end
end

-- Lets go of what belongs to the request or timer at hand.
local function let_go(self)
    give_back_idle(self)
    for _, link in pairs(self.links) do
        self:lose(link, "its request has ended")
        if link.socket then
            link.socket:close()
        end
    end
end

local function renew(self, loader)
    self.patience = LOOK_SECONDS
    while not loader.is_over do
        self:drain()
        if not exchange(self) then
            give_back_idle(self)
            if not loader.bell:wait(pause_of(self)) then
                collectgarbage("step", LOOK_STEP)
            end
        end
    end
    self.patience = nil
    let_go(self)
end

-- Renewals, as long as the loader runs: by a timer, as a light thread would keep a request whose loader was killed.
local function keep_time(_, self, loader)
    if not loader.is_over then
        loader.is_kept = true
        local ok, err = pcall(renew, self, loader)
        if not ok then
            ngx.log(ngx.ERR, "resilicache: ", err)
        end
        loader.ended:post(1)
    end
end

--- `run` answers a load, and finishes it.  If its thread is killed or forgotten, the token on its stack is garbage.
function Solo:loading(run)
    settle(self)
    let_go(self)
    local loader = { bell = semaphore.new(), ended = semaphore.new() }
    local token = ffi.gc(ffi.new "char[1]", function()
        loader.is_over = true
    end)
    ngx.timer.at(0, keep_time, self, loader)
    local failure = run()
    ffi.gc(token, nil)
    loader.is_over = true
    while loader.is_kept do
        loader.bell:post(1)
        loader.is_kept = not loader.ended:wait(LONGEST_SECONDS)
    end
    return failure
end

--- It may serve another request, if it returns true.
function Solo:release()
    local is_settled = settle(self)
    self.body, self.by_lines, self.distrustful = nil, nil, nil
    let_go(self)
    return is_settled
end

-- The older protocol has no changes of keys to watch, and needs no connection for them.  What would be kept for later
-- would be kept by a request that ends.
local function options_of(options)
    local mine = {}
    for name, text in pairs(options) do
        mine[name] = text
    end
    mine.resp, mine.invalidate_errors = "2", "fail"
    return mine
end

--- `pool` has the name of the connection pool, and keeps the facts about its servers.
function Solo.new(url, options, pool)
    local self, err, status = Step.open({ pool = pool }, url, options_of(options))
    if not self then
        return nil, err, status
    end
    return setmetatable(self, Solo)
end

return Solo

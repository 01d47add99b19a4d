-- shared: the connections of a worker that all its requests share.  A socket belongs to the request that made it, so
-- these are made by timers: one for each connection, and one, the keeper, that keeps the time of the step.

local semaphore = require "ngx.semaphore"
local library = require "resty.resilicache.ffi"
local socket = require "resty.resilicache.socket"
local Step = require "resty.resilicache.step"
local timer = require "resty.resilicache.timer"

local C = library.C

local IDLE_SECONDS = 60 -- then the connections are closed, until someone wants them again
local LOOK_SECONDS = 1 -- how often who waits looks by himself, should the keeper have died
local BUSY_SECONDS = 0.1
local JANITOR_SECONDS = 0.25 -- how often loads are looked after, whose callers may have been killed
local JANITOR_STEP = 1000

local Shared = setmetatable({}, { __index = Step })
Shared.__index = Shared

-- ---- connections ----

function Shared:drain()
    self.drained_at, self.placed_drained = ngx.now(), self.placed
    Step.drain(self)
end

-- A request may have kept the worker busy for so long that replies, which lie there unread, would be taken for missing:
-- then let them be read first.
local function let_readers_read(self)
    ngx.update_time()
    local are_replies_due = self.in_flight > self.placed - self.placed_drained
    if are_replies_due and ngx.now() - self.drained_at > BUSY_SECONDS then
        ngx.sleep(0.001)
    end
end

-- Whoever begins an op wakes the writer that was the last to have something to send: it asks for what is to be sent
-- after all that is going on now, so that many ops are sent together.
local function write(self, link)
    while true do
        if #link.out > 0 then
            local sent, err = socket.send(link)
            if not sent then
                return err
            end
            self.last_writer = link
        else
            link.waits = true
            link.bell:wait(IDLE_SECONDS)
            let_readers_read(self)
            link.waits, link.rung = false, false
            self:turn()
        end
    end
end

local function read(self, link)
    while true do
        local ok, err = socket.receive(self, link)
        if not ok and err ~= "timeout" then
            return err
        end
        self:turn()
    end
end

local function wait_for_end(link)
    while not link.ended do
        link.closing:wait(IDLE_SECONDS)
    end
    return "closed"
end

-- Until it ends by itself or is told to.  Returns why.
local function serve(self, link)
    local threads = {
        ngx.thread.spawn(wait_for_end, link), ngx.thread.spawn(write, self, link), ngx.thread.spawn(read, self, link),
    }
    local _, why = ngx.thread.wait(threads[1], threads[2], threads[3])
    for _, thread in ipairs(threads) do
        ngx.thread.kill(thread)
    end
    return why
end

-- A timer of its own, so that what nginx allots to a connection goes with it.
local function connection(_, self, link)
    local ok, why = socket.connect(link)
    if ok then
        if not link.ended then
            C.rcache_stepper_connected(self.stepper, link.node, nil)
            self:turn()
            why = serve(self, link)
        end
        link.socket:close()
    end
    if not link.ended then
        self:lose(link, why)
        self:wake_keeper()
    end
end

function Shared:opened(link)
    link.bell, link.closing = semaphore.new(), semaphore.new()
    local ok, err = ngx.timer.at(0, connection, self, link)
    if not ok then
        self:lose(link, "no timer for a connection: " .. err)
        self.again = true
    end
end

-- Wakes a link's writer, or the keeper.
local function ring(who)
    if not who.rung then
        who.rung = true
        who.bell:post(1)
    end
end

function Shared.outgoing(_, link)
    ring(link)
end

function Shared:ended(link)
    link.closing:post(1)
end

-- ---- the keeper ----

-- Loads of callers that were killed are garbage, and are given back when they are collected.  That is sped up as long
-- as there are loads that have taken a while.
local function look_after_loads(self, now)
    if self.loads == 0 then
        self.loads_since = nil
        return IDLE_SECONDS
    end
    self.loads_since = self.loads_since or now
    if timer.exiting and self.in_flight == 0 then
        collectgarbage()
    elseif now - self.loads_since > JANITOR_SECONDS then
        collectgarbage("step", JANITOR_STEP)
    end
    return JANITOR_SECONDS
end

-- Whether there is nothing more to keep.
local function is_over(self, now)
    if self.placed ~= self.placed_before or self.in_flight > 0 or self.loads > 0 then
        self.placed_before, self.quiet_since = self.placed, now
    end
    if self.in_flight > 0 or self.loads > 0 then
        return false
    end
    if self.is_local or timer.exiting or not self.handle then
        return true
    end
    return now - self.quiet_since >= IDLE_SECONDS and self:stats().journal_depth == 0
end

local function keep(self)
    while true do
        self:drain()
        local now = ngx.now()
        local longest = look_after_loads(self, now)
        if is_over(self, now) then
            return
        end
        local seconds = self:wait_seconds(longest)
        self.wakes_at = now + seconds
        self.bell:wait(seconds)
        let_readers_read(self)
        self.rung = false
    end
end

local function keeper(_, self)
    if self.is_kept then
        return
    end
    self.is_kept = true
    if not self.is_local then
        timer.enlist(self)
    end
    local ok, err = pcall(keep, self)
    if not ok then
        ngx.log(ngx.ERR, "resilicache: ", err)
    end
    timer.dismiss(self)
    self.keeping, self.is_kept, self.wakes_at = false, false, 0
    for _, link in pairs(self.links) do
        self:lose(link, nil)
        self:ended(link)
    end
end

--- Sees to it that there is a keeper, now or soon.  Returns false if there can be none.
function Shared:start()
    if not self.keeping then
        self.keeping = ngx.timer.at(0, keeper, self) and true or false
    end
    return self.keeping
end

--- The keeper has a look.
function Shared:wake_keeper()
    if self:start() then
        self.wakes_at = 0
        ring(self)
    end
end

-- Drains.  What came may have to be seen to before the keeper looks again, or may have been the last.
function Shared:turn()
    self:drain()
    local is_ending = timer.exiting or not self.handle
    if self.is_kept and (is_ending or ngx.now() + self:wait_seconds(IDLE_SECONDS) < self.wakes_at) then
        self:wake_keeper()
    end
end

-- ---- ops ----

function Shared:finished()
    if self.is_local then
        self:turn()
        return
    end
    local link = self.last_writer
    if self:start() and link and link.waits and not link.ended then
        ring(link)
    else
        self:wake_keeper()
    end
end

-- Whoever was killed while he waited does not wait any more.
function Shared:ring(slot)
    if slot.rung or not slot.waiting then
        slot.rung = true
        return true
    elseif slot.bell:count() >= 0 then
        self:cancel(slot)
        return false
    end
    slot.rung = true
    slot.bell:post(1)
    return true
end

function Shared:submit(op, take)
    local slot, err, status = self:place(op, take)
    if not slot then
        return nil, err, status
    end
    slot.waiting, slot.rung = false, false
    self:finished()
    return slot
end

local function wait_once(slot)
    slot.waiting = true
    local woken = slot.bell:wait(LOOK_SECONDS)
    slot.waiting = false
    return woken
end

-- The keeper may have died, or nginx may have dropped its timer: who waits for long looks by himself.
local function wait_on(self, slot)
    while not slot.rung do
        if not wait_once(slot) and not slot.rung then
            self:drain()
            self.keeping = self.is_kept
            self:wake_keeper()
        end
    end
end

-- In the process, there is something to be waited for only if somebody else loads it.
local function wait_in_process(self, slot)
    local ok, err, status = socket.available()
    if not ok then
        self:cancel(slot)
        return nil, err, status
    end
    self:wake_keeper()
    wait_on(self, slot)
    return true
end

--- Until the slot has news: a load, or its end.  Returns nil, why not and the status where there is no waiting.
function Shared:await(slot)
    slot.bell = slot.bell or semaphore.new()
    if not slot.rung and self.is_local then
        local ok, err, status = wait_in_process(self, slot)
        if not ok then
            return nil, err, status
        end
    elseif not slot.rung then
        wait_once(slot)
        if not slot.rung then
            wait_on(self, slot)
        end
    end
    slot.rung = false
    return true
end

--- `run` answers a load, and finishes it.
function Shared:loading(run)
    if self.is_local then
        self:wake_keeper()
    end
    return run()
end

function Shared.release() end

--- Whoever waits is told.
function Shared:close()
    Step.close(self)
    self:turn()
end

--- `is_local`: it has no connections.
function Shared.new(url, options, is_local)
    local self, err, status = Step.open({}, url, options)
    if not self then
        return nil, err, status
    end
    self.is_local, self.bell = is_local, semaphore.new()
    self.wakes_at, self.drained_at, self.placed_drained = 0, 0, 0
    return setmetatable(self, Shared)
end

return Shared

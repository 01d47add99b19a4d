-- step: a cache and its stepper.  Ops go in, each with a slot to say who waits; what comes out is sorted here.
--
-- Who owns a step has the methods that do something about it: opened, outgoing and ended for its connections, ring for
-- slots that have news, finished for loads.  Nothing in this file yields.

local ffi = require "ffi"
local library = require "resty.resilicache.ffi"
local lines = require "resty.resilicache.lines"

local C, failure_of = library.C, library.failure_of
local tonumber = tonumber

local CAPACITY = 64 -- events drained in one go
local IN_FLIGHT_MAX = 16384

local DONE, LOAD = C.RCACHE_EVENT_DONE, C.RCACHE_EVENT_LOAD
local CONNECT, SEND, CLOSE = C.RCACHE_EVENT_CONNECT, C.RCACHE_EVENT_SEND, C.RCACHE_EVENT_CLOSE

local events = ffi.new("rcache_event[?]", CAPACITY)

local Step = {}

-- ---- loads ----

local Load = {}
Load.__index = Load

function Load:indexes()
    local indexes = {}
    for i = 1, tonumber(C.rcache_load_count(self.handle)) do
        indexes[i] = tonumber(C.rcache_load_position(self.handle, i - 1)) + 1
    end
    return indexes
end

-- nil: there is none.  Returns why not.
function Load:answer(i, value)
    if value == nil then
        C.rcache_load_absent(self.handle, i - 1)
        return
    end
    value = tostring(value)
    local status = C.rcache_load_value(self.handle, i - 1, value, #value, 0)
    if status ~= C.RCACHE_OK then
        return ("the loader's value of %d bytes can't be kept: %s"):format(
            #value, ffi.string(C.rcache_status_name(status)))
    end
end

function Load:version(i, version)
    C.rcache_load_version(self.handle, i - 1, version)
end

function Load:primary()
    return C.rcache_load_primary(self.handle) ~= 0
end

function Load:fail(message, permanent)
    local fail = permanent and C.rcache_load_fail_permanent or C.rcache_load_fail
    for i = 1, tonumber(C.rcache_load_count(self.handle)) do
        fail(self.handle, i - 1, message)
    end
end

local function end_load(load)
    C.rcache_load_finish(ffi.gc(load.handle, nil))
    load.handle = nil
    load.step.loads = load.step.loads - 1
end

-- Of the lock that it is under.
function Load:fence()
    return tonumber(C.rcache_load_fence(self.handle))
end

-- Whether that, or the lease, still lives.
function Load:wanted()
    return C.rcache_load_wanted(self.handle) ~= 0
end

function Load:finish()
    end_load(self)
    self.step:finished()
end

-- Whoever is killed while he loads leaves his load to the garbage collector.  The keys of a batch may come in several.
local function keep_load(step, slot, handle)
    step.loads = step.loads + 1
    slot.load = setmetatable({ step = step, handle = ffi.gc(handle, step.forget), next = slot.load }, Load)
end

-- What the slot was given to load, or nil.
function Step.load_of(slot)
    local load = slot.load
    slot.load = load and load.next
    return load
end

local function drop_loads(step, slot)
    for load in Step.load_of, slot do
        load:fail("nobody waits for it any more")
        end_load(load)
        step.lost, step.again = step.lost + 1, true
    end
end

-- ---- slots ----

-- Begins the op.  `take(slot, event)` puts what it brings into slot.value, or slot.err, slot.status
-- and slot.others.
function Step:place(op, take)
    if self.in_flight >= IN_FLIGHT_MAX then
        C.rcache_op_free(op)
        return nil, ("%d calls are under way already"):format(IN_FLIGHT_MAX), "RCACHE_E_LIMIT"
    end
    local spare, tags = self.spare, self.tags
    local slot = spare[#spare]
    if slot then
        spare[#spare] = nil
    else
        slot = {}
    end
    local tag = tags[#tags] or #self.slots + 1
    if tags[#tags] then
        tags[#tags] = nil
    end
    slot.op, slot.take, slot.landed = op, take, false
    self.slots[tag] = slot
    self.in_flight = self.in_flight + 1
    self.placed = self.placed + 1
    C.rcache_stepper_submit(self.stepper, op, tag)
    return slot
end

-- What the op brought; the slot serves again.
function Step:result_of(slot)
    local value, err, status, others = slot.value, slot.err, slot.status, slot.others
    slot.value, slot.err, slot.status, slot.others = nil, nil, nil, nil
    self.spare[#self.spare + 1] = slot
    return value, err, status, others
end

function Step:cancel(slot)
    if slot.op then
        C.rcache_op_cancel(slot.op)
    end
end

-- ---- events ----

local function on_done(step, event)
    local tag = tonumber(event.tag)
    local slot = step.slots[tag]
    step.slots[tag] = false
    step.tags[#step.tags + 1] = tag
    step.in_flight = step.in_flight - 1
    drop_loads(step, slot)
    slot.op, slot.landed = nil, true
    slot.take(slot, event, step)
    C.rcache_result_free(event.result)
    if event.load ~= nil then
        keep_load(step, slot, event.load)
    end
    if not step:ring(slot) then
        drop_loads(step, slot)
    end
end

local function on_load(step, event)
    local slot = step.slots[tonumber(event.tag)]
    keep_load(step, slot, event.load)
    if not step:ring(slot) then
        drop_loads(step, slot)
    end
end

local function on_connect(step, event)
    local link = {
        node = event.node,
        address = ffi.string(event.value.data, event.value.size),
        connect_ms = tonumber(event.wait_ms),
        out = {},
    }
    step.links[event.node] = link
    step:opened(link)
end

local function on_send(step, event)
    local link = step.links[event.node]
    if link then
        link.out[#link.out + 1] = ffi.string(event.value.data, event.value.size)
        step:outgoing(link)
    end
end

local function on_close(step, event)
    local link = step.links[event.node]
    if link then
        step.links[event.node] = nil
        link.ended = true
        step:ended(link)
    end
end

local function dispatch(step, event)
    local kind = event.kind
    if kind == DONE then
        on_done(step, event)
    elseif kind == SEND then
        on_send(step, event)
    elseif kind == LOAD then
        on_load(step, event)
    elseif kind == CONNECT then
        on_connect(step, event)
    elseif kind == CLOSE then
        on_close(step, event)
    end
end

-- Where `again` is set, there may be more already.
function Step:drain()
    repeat
        local count = tonumber(C.rcache_stepper_drain(self.stepper, events, CAPACITY))
        self.again = count == CAPACITY
        for i = 0, count - 1 do
            dispatch(self, events[i])
        end
    until not self.again
end

-- In so many seconds it has to be drained again, whatever happens; at most `longest`.
function Step:wait_seconds(longest)
    local wait_ms = tonumber(C.rcache_stepper_wait_ms(self.stepper))
    return wait_ms < 0 and longest or math.min(wait_ms / 1000, longest)
end

-- The connection has ended, or is given back: then there is nothing to be told of as the reason.
function Step:lose(link, why)
    if not link.ended then
        link.ended = true
        self.links[link.node] = nil
        C.rcache_stepper_lost(self.stepper, link.node, why)
    end
end

function Step:close()
    C.rcache_close(ffi.gc(self.handle, nil))
    self.handle = nil
end

-- ---- what ops bring ----

local HIT, LOADED, STALE = C.RCACHE_HIT, C.RCACHE_LOADED, C.RCACHE_STALE

-- A large value that was read in one piece is there as a string already.
local function string_of(step, value)
    local outcome = value.outcome
    if outcome ~= HIT and outcome ~= LOADED and outcome ~= STALE then
        return nil
    end
    local size, body = tonumber(value.size), step.body
    if body and #body == size and library.memcmp(body, value.data, size) == 0 then
        return body
    end
    return size > 0 and ffi.string(value.data, size) or ""
end

function Step.take_value(slot, event, step)
    if event.value.status ~= C.RCACHE_OK then
        slot.err, slot.status = failure_of(event.result)
    else
        slot.value = string_of(step, event.value)
    end
end

local function values_of(event)
    local count = tonumber(C.rcache_result_values(event.result, nil, 0))
    local values = ffi.new("rcache_value[?]", count)
    C.rcache_result_values(event.result, values, count)
    return values, count
end

-- Where some failed, the others are there all the same.
function Step.take_values(slot, event, step)
    local values, count = values_of(event)
    local found = {}
    for i = 1, count do
        found[i] = string_of(step, values[i - 1])
    end
    slot.err, slot.status = failure_of(event.result)
    slot[slot.status and "others" or "value"] = found
end

function Step.take_lines(slot, event, step)
    Step.take_value(slot, event, step)
    slot.value = slot.value and lines.parse(slot.value)
end

function Step.take_done(slot, event)
    slot.err, slot.status = failure_of(event.result)
    slot.value = not slot.status or nil
end

function Step.take_fence(slot, event)
    slot.err, slot.status = failure_of(event.result)
    slot.value = not slot.status and tonumber(C.rcache_result_fence(event.result, 0)) or nil
end

function Step.take_count(slot, event)
    slot.err, slot.status = failure_of(event.result)
    local values, count = values_of(event)
    local done = 0
    for i = 0, count - 1 do
        done = done + (values[i].outcome == C.RCACHE_DONE and 1 or 0)
    end
    slot.value = not slot.status and done or nil
end

function Step:stats()
    local size = C.rcache_stats(self.handle, nil, 0) + 64 -- numbers may grow meanwhile
    local text = ffi.new("char[?]", size)
    C.rcache_stats(self.handle, text, size)
    return lines.parse(ffi.string(text))
end

function Step:credentials(identity)
    return library.credentials(self.handle, identity)
end

function Step:set_option(name, text)
    return library.set_option(self.handle, name, text)
end

-- Makes `step`, an owner's table, one.  Returns nil, the message and the status where the cache can't be opened.
function Step.open(step, url, options)
    local handle, stepper, status = library.open(url, options)
    if not handle then
        return nil, stepper, status
    end
    step.handle, step.stepper = handle, stepper
    step.slots, step.tags, step.spare, step.links = {}, {}, {}, {}
    step.in_flight, step.placed, step.loads, step.lost = 0, 0, 0, 0
    step.forget = function(load)
        C.rcache_load_finish(load)
        step.loads, step.lost = step.loads - 1, step.lost + 1
    end
    return step
end

return Step

-- timer: what goes on behind requests: refreshes, within a bound, and what is to be done when the worker ends.

local FAR = 1e6 -- seconds: longer than most workers live
local REFRESHES_MAX = 64 -- well below lua_max_running_timers, beyond which nginx drops timers

local timer = { exiting = false }

-- ---- refreshes ----

local refreshes = 0

local function refresh(premature, run, drop)
    if premature then
        drop()
    else
        run()
    end
    refreshes = refreshes - 1
end

--- Calls `run` after the request at hand; or `drop`, at once, where there is no room for it.
function timer.behind(run, drop)
    if timer.exiting or refreshes >= REFRESHES_MAX or not ngx.timer.at(0, refresh, run, drop) then
        drop()
    else
        refreshes = refreshes + 1
    end
end

-- ---- the end of the worker ----

local owners = {} -- a set of those that have something to end
local armed = false

-- A worker that ends calls all timers that are not due yet; one that waits in a timer would hold it up.
local function on_exit(premature)
    armed = false
    if not premature then
        return timer.watch()
    end
    timer.exiting = true
    ngx.sleep(0.001) -- without it, those who are told sleep on until the next event
    for owner in pairs(owners) do
        owner:wake_keeper()
    end
end

function timer.watch()
    if not armed and next(owners) then
        armed = ngx.timer.at(FAR, on_exit) and true or false
        timer.exiting = timer.exiting or ngx.worker.exiting()
    end
end

--- From here on, owner:wake_keeper() is called when timer.exiting turns true.
function timer.enlist(owner)
    owners[owner] = true
    timer.watch()
end

function timer.dismiss(owner)
    owners[owner] = nil
end

return timer

"""The pure core: events in, actions out.

`Supervisor.step(event) -> list[Action]` decides everything that happens to a service; `runtime.ProcessManager`
performs it and reports back. There is no clock here, no randomness and no I/O: the time (`at`, monotonic seconds)
and the jitter (`luck`, 0 to 1) arrive inside the events, so that every history can be replayed as data.

Three values are kept apart, and none of them is a boolean for a phase of life:

`wanted`   what the operator wishes: up or down.
`state`    what is true now.
`reason`   one word for why, with a sentence (`detail`) beside it.

                 wanted up            dependencies met             ready probe good
     stopped ----------------> waiting -------------> starting -----------------> ready <----> unhealthy
        ^                         ^                      |  |                       |              |
        |                         | timer                |  | exit                  | exit         | live probe
        |                      backoff <---+   timeout,  |  v                       v              v  failed
        |                                  |   stop      +--+--> stopping <---------+--------------+
        |                                  |                        |
        +----------------------------------+------ emptied ---------+----> completed | failed

Every exit passes through `stopping`, for the crash too: a service has ended only when its process group is empty and
its ports are free (`Emptied`). What follows then was decided when the stop began and is kept in `Halt.then`: rest,
start again, retry after a delay, fail, complete, or be removed. So the old and the new incarnation never overlap.

Each incarnation has a generation number and every event about a process carries it; one of an older generation
changes nothing. Timers carry a token in the same way: a timer is never cancelled, a late one is not recognised.

An external service climbs a ladder each time it is started: attach to who is there, else spawn our own. A stranger in
its place is a failure, nobody in its place is `waiting/absent`, and it is looked for again while it is absent. One that
is attached is let go, not stopped: it passes through `stopping` within one step, never signalled.

One budget counts automatic restarts, whether of a crash or of failed liveness (see `budget`). The operator's word
clears it. Order: a service starts when its dependencies are met; it is signalled only after every dependant that is
stopping too has ended; it fails when a dependency it requires failed, and comes back by itself when that one does.

Each step has two phases (dinit's way): first every service that the event concerns is looked at until nothing changes
any more, and only then is anybody spawned or signalled. What is decided last may be about the first.
"""

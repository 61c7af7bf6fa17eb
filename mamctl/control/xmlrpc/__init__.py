"""The XML-RPC interface of supervisord, so that tools made for it work on a stack of ours.

    POST /RPC2                  <methodCall> in, <methodResponse> out: `supervisor.*` and `system.*`
    GET /logtail/NAME/CHANNEL   a log as it grows; supervisorctl tail -f
    GET /mainlogtail            that of the supervisor itself

| module | what it knows |
| --- | --- |
| `facade` | a request in, an answer out; whatever went wrong is a fault |
| `reading`, `writing`, `text` | XML, within bounds and without any DTD |
| `stretch` | long logs, which are read while they are sent |
| `method` | which method there is, what it takes and gives |
| `asking`, `starting`, `stopping`, `signalling`, `logs`, `config`, `whole`, `system` | the methods themselves |
| `program`, `info` | services as processes in groups, and how they are told |
| `tails` | the streams |

Every change goes the way of `mamctl` itself: through the operator. Nothing of it is imported before the first request.
"""

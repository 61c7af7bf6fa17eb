"""Good and bad manifests, for the parser and for the schema."""

from __future__ import annotations

RUN: list[object] = ["run"]


def one(keys: dict[str, object]) -> dict[str, object]:
    """Return a manifest with one service."""
    return {"services": {"a": {"command": RUN, **keys}}}


GOOD: dict[str, dict[str, object]] = {
    "hooks": {
        "services": {
            "a": {
                "command": RUN,
                "hooks": {
                    "on_start": "say started",
                    "on_ready": ["say", "ready", 1],
                    "on_failure": {"webhook": "https://user:word@hooks.example:8443/x?y=1", "timeout": "3s"},
                    "on_stop": [
                        ["say", "stopped"],
                        "say it",
                        {"exec": "say so", "timeout": 1},
                        {"webhook": "http://[::1]/"},
                    ],
                    "on_exit": [],
                    "on_restart": None,
                },
            }
        }
    },
    "schedules": {
        "services": {
            "a": {"command": RUN, "kind": "task", "schedule": "*/5 * * * *"},
            "b": {"command": RUN, "kind": "task", "schedule": {"cron": "0 30 3 1,15 jan-jun mon#1", "timezone": "UTC"}},
            "c": {"command": RUN, "kind": "task", "schedule": " @daily "},
        }
    },
    "listeners": {
        "services": {
            "mailer": {"command": RUN, "events": ["PROCESS_STATE_EXITED", "TICK_60"]},
            "all": {"command": RUN, "events": ["EVENT"]},
        }
    },
    "the first free port of a range": one({"port": "8001-8010", "sockets": {"admin": "8100-8100"}}),
    "a control listener": {"services": {}, "control": {"listen": "127.0.0.1:7373"}},
    "one for other machines": {"services": {}, "control": {"listen": "[::]:7373", "token_file": "token"}},
    "one for tools of supervisord": {"services": {}, "control": {"listen": "127.0.0.1:7373", "xmlrpc": True}},
    "no service yet": {"services": {}},
    "one command": {"services": {"a": {"command": RUN}}},
    "a string as command": {"services": {"a": {"command": "python -m thing"}}},
    "numbers as words": {"services": {"a": {"command": ["run", 1, 2.5, True]}}},
    "all short forms": {
        "services": {
            "a": {
                "command": RUN,
                "port": 5001,
                "health": "/health",
                "restart": "always",
                "env_file": ".env",
                "depends_on": ["b", 8080],
            },
            "8080": {"command": RUN},
            "b": {"command": RUN, "kind": "task"},
        }
    },
    "all long forms": {
        "name": "mam",
        "x-anything": [1, {"free": True}],
        "env": {"LEVEL": "info", "N": 1, "GONE": None},
        "env_file": [".env", {"path": "local.env", "required": False}],
        "defaults": {"restart": {"policy": "on-failure", "delay": "500ms", "factor": 2, "jitter": 0.1}},
        "services": {
            "a": {
                "kind": "service",
                "description": "All of it",
                "command": "run | tee x",
                "shell": True,
                "cwd": "sub",
                "env": {"A": "b"},
                "env_file": [{"path": "a.env"}],
                "secrets": ["A"],
                "host": "0.0.0.0",
                "ports": {"http": 5001, "debug": "auto", "ws": {"prefer": 5003, "fallback": "auto"}},
                "listener": "any",
                "depends_on": {"b": "completed", "c": {"condition": "ready", "required": False, "restart": True}},
                "start_timeout": "1m",
                "ready": {"http": "/ready", "status": [200, 204], "json": {"ok": True}, "timeout": 1, "interval": "5s"},
                "live": {"tcp": "http", "failures": 2},
                "restart": {"max_attempts": None, "window": "5m", "reset_after": 60, "max_delay": "1h"},
                "success_exit_codes": [0, 3],
                "stop": {"signal": "SIGINT", "grace": "10s"},
                "logs": {"max_size": "1GiB", "keep": 2, "streams": "split"},
                "limits": {"memory": "1GiB", "open_files": 4096, "nice": 5},
                "user": "nobody",
                "group": 65534,
                "umask": "0027",
                "watch": {"paths": ["src", "/etc/hosts"], "ignore": ["*.md", "!*.db"], "debounce": "1s"},
                "profiles": ["ai"],
                "manual": False,
                "image": "registry.example/a:1",
                "essential": True,
                "on_supervisor_death": "stop",
            },
            "b": {"kind": "task", "command": RUN, "start_timeout": "5m"},
            "c": {"command": RUN, "ready": {"log": "listening on .*"}, "live": {"exec": "check --all"}},
            "d": {"command": RUN, "ready": {"notify": True, "watchdog": "30s"}, "live": {"exec": "check --all"}},
            "e": {"command": RUN, "ready": {"notify": {"fd": 3}}, "limits": {"memory": 1000000, "nice": -20}},
            "f": {"command": RUN, "tty": True, "stop": {"signal": "HUP"}},
            "g": {"kind": "task", "command": RUN, "tty": False},
        },
    },
    "watching in short forms": {
        "services": {
            "a": {"command": RUN, "watch": True},
            "b": {"command": RUN, "watch": "src"},
            "c": {"command": RUN, "cwd": "web", "watch": ["src", "package.json"]},
            "d": {"command": RUN, "watch": False},
            "e": {"command": RUN, "watch": {"ignore": "*.md"}},
            "f": {"kind": "task", "command": RUN, "watch": {"paths": "."}},
            "g": {
                "kind": "external",
                "identify": {"exec": RUN},
                "watch": True,
                "acquire": [{"spawn": {"command": RUN}}],
            },
        }
    },
    "commands about a service": {
        "services": {
            "a": {"command": RUN, "stop": {"command": RUN, "grace": "5s", "signal": "INT"}},
            "b": {"command": RUN, "stop": {"command": "stop it --now"}},
            "llm": {
                "kind": "external",
                "port": 1235,
                "start_timeout": "1m",
                "identify": {"http": "/greeting"},
                "acquire": ["attach", {"run": ["start", "--port", "${services.llm.port}"]}, {"run": "start again"}],
                "release": {"run": ["stop", 1]},
            },
        }
    },
    "external": {
        "services": {
            "llm": {
                "kind": "external",
                "port": 1234,
                "identify": {"http": "/greeting", "json": {"lmstudio": True}},
                "acquire": ["attach", {"spawn": {"command": RUN, "ready": {"http": "/health"}}}],
                "release": "leave",
            }
        }
    },
    "held sockets": {
        "services": {
            "a": {
                "command": RUN,
                "sockets": {"http": 8000, "admin": "auto", "x": {"prefer": 8001}},
                "ports": {"metrics": 9000},
            }
        }
    },
    "null for what is not wanted": {
        "services": {
            "a": {"command": RUN, "port": 5001, "ready": None, "start_timeout": None, "env": None, "tty": None}
        }
    },
    "substituted numbers": {
        "services": {
            "a": {
                "command": RUN,
                "port": "${PORT:-5001}",
                "manual": "${MANUAL:-false}",
                "start_timeout": "${T:-5s}",
                "restart": {"factor": "${F:-2.5}", "policy": "${P:-always}"},
                "logs": {"keep": "${K:-3}", "max_size": "${S:-1kB}"},
                "limits": {"nice": "${NICE:--5}", "memory": "${M:-1MB}"},
            }
        }
    },
}

# What is wrong, the manifest, the key path, a part of the message, and whether the schema sees it too.
BAD: dict[str, tuple[dict[str, object], str, str, bool]] = {
    "an unknown key": ({"services": {"a": {"comand": RUN, "command": RUN}}}, "services.a.comand", "unknown key", True),
    "an unknown key at the top": ({"service": {}}, "service", "unknown key", True),
    "an unknown key in a part": (
        one({"stop": {"grase": 1}}), "services.a.stop.grase", "unknown key", True,
    ),
    "an unknown key with null": (one({"b": None}), "services.a.b", "unknown key", True),
    "services as a list": ({"services": []}, "services", "must be a map, not a list", True),
    "a service as a word": ({"services": {"a": "run"}}, "services.a", "must be a map, not 'run'", True),
    "defaults as a list": ({"defaults": [1], "services": {}}, "defaults", "must be a map, not a list", True),
    "env as a list": ({"env": ["A=b"], "services": {}}, "env", "must be a map, not a list", True),
    "include as a number": ({"include": 5, "services": {}}, "include[0]", "must be text, not 5", True),
    "include of nothing": ({"include": "", "services": {}}, "include[0]", "is empty", True),
    "an env file as a number": ({"env_file": 5, "services": {}}, "env_file[0]", "must be a map, not 5", True),
    "a bad name": ({"services": {"-a": {"command": RUN}}}, "services.-a", "'-a' is not a name", True),
    "a long name": ({"services": {"a" * 64: {"command": RUN}}}, "services." + "a" * 64, "is not a name", True),
    "a bad project": ({"name": "my stack", "services": {}}, "name", "'my stack' is not a name", True),
    "no command": ({"services": {"a": {}}}, "services.a", "command is missing", False),
    "an empty command": ({"services": {"a": {"command": []}}}, "services.a.command", "is empty", True),
    "an empty string": ({"services": {"a": {"command": ""}}}, "services.a.command", "is empty", True),
    "no program": ({"services": {"a": {"command": ["", "x"]}}}, "services.a.command", "has no program", False),
    "no program in a string": ({"services": {"a": {"command": "''"}}}, "services.a.command", "has no program", False),
    "an open quote": ({"services": {"a": {"command": "run 'x"}}}, "services.a.command", "no closing quotation", False),
    "a command as a map": ({"services": {"a": {"command": {}}}}, "services.a.command", "must be a list of words", True),
    "a list in a command": (
        {"services": {"a": {"command": ["run", []]}}}, "services.a.command[1]", "must be text or a number", True,
    ),
    "a NUL byte": ({"services": {"a": {"command": ["a\0b"]}}}, "services.a.command[0]", "holds a NUL byte", False),
    "half a surrogate": ({"services": {"a": {"command": ["\ud800"]}}}, "services.a.command[0]", "surrogate", False),
    "a list for a shell": (
        one({"shell": True}), "services.a.command", "must be a string", False,
    ),
    "a duration without unit": (
        one({"start_timeout": "5 s"}), "services.a.start_timeout", "not a duration", True,
    ),
    "no time at all": (
        one({"start_timeout": 0}), "services.a.start_timeout", "longer than 0", True,
    ),
    "a bad size": (
        one({"logs": {"max_size": "10 megs"}}), "services.a.logs.max_size", "size", True,
    ),
    "a bad signal": (
        one({"stop": {"signal": "TERMINATE"}}), "services.a.stop.signal", "signal", False,
    ),
    "a high signal": (
        one({"stop": {"signal": 65}}), "services.a.stop.signal", "not a signal", True,
    ),
    "a signal as a list": (
        one({"stop": {"signal": []}}), "services.a.stop.signal", "must be the name", True,
    ),
    "a word for a flag": (
        one({"manual": "yes"}), "services.a.manual", "must be true or false", True,
    ),
    "a bad choice": (
        one({"restart": "allways"}), "services.a.restart.policy", "must be one of", True,
    ),
    "a choice as a number": (
        one({"listener": 5}), "services.a.listener", "must be one of ours, any", True,
    ),
    "a factor below one": (
        one({"restart": {"factor": 0.5}}), "services.a.restart.factor", "from 1", True,
    ),
    "a factor as a word": (
        one({"restart": {"factor": "x"}}), "services.a.restart.factor", "number", True,
    ),
    "jitter as a flag": (
        one({"restart": {"jitter": True}}), "services.a.restart.jitter", "number", True,
    ),
    "keep as a flag": (
        one({"logs": {"keep": True}}), "services.a.logs.keep", "whole number", True,
    ),
    "a port beyond": (one({"port": 70000}), "services.a.ports.http", "not a port", True),
    "a port that names a service": (
        one({"port": "${services.a.port}"}),
        "services.a.ports.http", "cannot name another service", False,
    ),
    "a port name": (
        one({"ports": {"1": 5}}), "services.a.ports.1", "not the name of a port", True,
    ),
    "ports as a list": (one({"ports": [1]}), "services.a.ports", "must be a map", True),
    "port with ports": (
        one({"port": 5, "ports": {}}), "services.a.port", "cannot stand beside", True,
    ),
    "a fallback": (
        one({"ports": {"x": {"prefer": 5, "fallback": 6}}}),
        "services.a.ports.x.fallback", "must be one of auto", True,
    ),
    "health with ready": (
        one({"port": 5, "health": "/", "ready": None}),
        "services.a.health", "cannot stand beside ready", True,
    ),
    "health with live": (
        one({"port": 5, "health": "/", "live": {"tcp": "http"}}),
        "services.a.health", "cannot stand beside live", True,
    ),
    "a probe as a word": (
        one({"ready": "/x"}), "services.a.ready", "must be a map, not '/x'", True,
    ),
    "two checks": (
        one({"port": 5, "ready": {"http": "/", "tcp": "http"}}),
        "services.a.ready", "has http and tcp", False,
    ),
    "no check": (one({"ready": {"timeout": 1}}), "services.a.ready", "no check", False),
    "status without http": (
        one({"ready": {"exec": RUN, "status": [200]}}),
        "services.a.ready.status", "goes with http only", False,
    ),
    "a path without port": (
        one({"ready": {"http": "/x"}}), "services.a.ready.http", "needs a port", False,
    ),
    "no URL": (
        one({"ready": {"http": "ftp://x"}}), "services.a.ready.http", "neither", False,
    ),
    "a URL with a bad port": (
        one({"ready": {"http": "http://x:y"}}), "services.a.ready.http", "neither", False,
    ),
    "a URL with a space": (
        one({"ready": {"http": "/a b"}}), "services.a.ready.http", "not a URL", False,
    ),
    "an unknown port": (
        one({"port": 5, "ready": {"tcp": "htp"}}),
        "services.a.ready.tcp", "there is no port 'htp'", False,
    ),
    "a port of nothing": (
        one({"ready": {"tcp": "http"}}), "services.a.ready.tcp", "no port", False,
    ),
    "no address": (
        one({"ready": {"tcp": "h:99999"}}), "services.a.ready.tcp", "an address", False,
    ),
    "a number for an address": (
        one({"port": 5, "ready": {"tcp": 5432}}),
        "services.a.ready.tcp", "must be the name of a port or host:port, not 5432", True,
    ),
    "a number as text for an address": (
        one({"port": 5, "ready": {"tcp": "5432"}}), "services.a.ready.tcp", "there is no port '5432'", False,
    ),
    "a user as a list": (one({"user": [1]}), "services.a.user", "must be a name or a number, not a list", True),
    "a user as a flag": (one({"user": True}), "services.a.user", "must be a name or a number", True),
    "a user and a group in one": (one({"user": "me:us"}), "services.a.user", "'me:us' is not a name", True),
    "a user with a space": (one({"user": "a b"}), "services.a.user", "'a b' is not a name", True),
    "a user below 0": (one({"user": -1}), "services.a.user", "must be a whole number from 0", True),
    "a group beyond": (one({"group": 2**32 - 1}), "services.a.group", "must be a whole number from 0", True),
    "a group as text beyond": (one({"group": "99999999999999999999"}), "services.a.group", "whole number", False),
    "a umask as a number": (one({"umask": 23}), "services.a.umask", "must be text here", False),
    "a umask as a flag": (one({"umask": True}), "services.a.umask", "must be octal digits, not True", True),
    "a umask of decimals": (one({"umask": "28"}), "services.a.umask", "'28' is not a umask", True),
    "a umask beyond": (one({"umask": "1777"}), "services.a.umask", "'1777' is not a umask", True),
    "an empty stop command": (one({"stop": {"command": []}}), "services.a.stop.command", "is empty", True),
    "a stop command that is open": (one({"stop": {"command": "a '"}}), "services.a.stop.command", "closing", False),
    "an empty run step": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": [{"run": ""}]}}},
        "services.a.acquire[0].run", "is empty", True,
    ),
    "a run step as a map": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": [{"run": {}}]}}},
        "services.a.acquire[0].run", "must be a list of words", True,
    ),
    "a release as a word": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "release": "stop"}}},
        "services.a.release", "must be leave or a map with run", True,
    ),
    "a release without a command": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": [{"run": RUN}],
                            "release": {"run": None}}}},
        "services.a.release.run", "must be a list of words", True,
    ),
    "a release of what is never started": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "release": {"run": RUN}}}},
        "services.a.release", "there is nothing to release", False,
    ),
    "no expression": (
        one({"ready": {"log": "("}}), "services.a.ready.log", "regular expression", False,
    ),
    "a log for liveness": (
        one({"live": {"log": "x"}}), "services.a.live.log", "only that", False,
    ),
    "notify in live": (
        one({"live": {"notify": True}}), "services.a.live.notify", "only that", False,
    ),
    "notify: false": (
        one({"ready": {"notify": False}}), "services.a.ready.notify", "must be true or {fd: 3}", True,
    ),
    "notify with a word": (
        one({"ready": {"notify": "always"}}), "services.a.ready.notify", "must be true or false", True,
    ),
    "notify without a descriptor": (
        one({"ready": {"notify": {}}}), "services.a.ready.notify", "fd is missing", False,
    ),
    "notify on standard output": (
        one({"ready": {"notify": {"fd": 1}}}), "services.a.ready.notify.fd", "from 3 to 255", True,
    ),
    "notify on a descriptor out of reach": (
        one({"ready": {"notify": {"fd": 256}}}), "services.a.ready.notify.fd", "from 3 to 255", True,
    ),
    "notify that is asked": (
        one({"ready": {"notify": True, "interval": "1s"}}), "services.a.ready.interval", "it is not asked", False,
    ),
    "a watchdog without notify": (
        one({"port": 5, "ready": {"tcp": "http", "watchdog": "1s"}}), "services.a.ready.watchdog",
        "notify: true only", False,
    ),
    "a watchdog on a descriptor": (
        one({"ready": {"notify": {"fd": 3}, "watchdog": "1s"}}), "services.a.ready.watchdog",
        "notify: true only", False,
    ),
    "a number that JSON lacks": (
        one({"port": 5, "ready": {"http": "/", "json": float("inf")}}),
        "services.a.ready.http", "JSON does not have", False,
    ),
    "an empty path": (one({"cwd": " "}), "services.a.cwd", "is empty", False),
    "a number as text": (
        one({"description": 5}), "services.a.description", "must be text, not 5", True,
    ),
    "a bad host": (one({"host": "a b"}), "services.a.host", "is not a host", False),
    "a bad variable": (one({"env": {"A=": "b"}}), "services.a.env.A=", "variable", True),
    "a list as a variable": (
        one({"env": {"A": []}}), "services.a.env.A", "must be text or a number", True,
    ),
    "a variable list": (one({"env": []}), "services.a.env", "must be a map", True),
    "secrets as a word": (
        one({"secrets": "KEY"}), "services.a.secrets", "must be a list, not 'KEY'", True,
    ),
    "an edge to a number": (
        one({"depends_on": [{}]}), "services.a.depends_on", "must be a map", True,
    ),
    "an edge to null": (
        {"services": {"b": {"command": RUN}, "a": {"command": RUN, "depends_on": {"b": None}}}},
        "services.a.depends_on.b", "must be a map, not null", True,
    ),
    "a probe on a task": (
        {"services": {"a": {"kind": "task", "command": RUN, "ready": {"exec": RUN}}}},
        "services.a.ready", "a task has no probe", False,
    ),
    "identify on a service": (
        one({"identify": {"exec": RUN}}), "services.a.identify", "external only", False,
    ),
    "no identify": ({"services": {"a": {"kind": "external"}}}, "services.a", "identify is missing", False),
    "a command of an external": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "command": RUN}}},
        "services.a.command", "no command of its own", False,
    ),
    "ready of an external": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "ready": {"exec": RUN}}}},
        "services.a.ready", "identify is", False,
    ),
    "a bad step": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": ["wait"]}}},
        "services.a.acquire[0]", "is not a step", True,
    ),
    "a spawn step of nothing": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": [{"spawn": None}]}}},
        "services.a.acquire[0]", "is not a step", True,
    ),
    "two spawn steps": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN},
                            "acquire": [{"spawn": {"command": RUN}}, {"spawn": {"command": RUN}}]}}},
        "services.a.acquire[1]", "second spawn step", False,
    ),
    "a spawned external": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN},
                            "acquire": [{"spawn": {"kind": "task", "command": RUN}}]}}},
        "services.a.acquire[0].spawn.kind", "cannot have this key", False,
    ),
    "a spawn step without command": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": [{"spawn": {}}]}}},
        "services.a.acquire[0].spawn", "command is missing", False,
    ),
    "a spawned port": (
        {"services": {"a": {"kind": "external", "port": 5, "identify": {"exec": RUN},
                            "acquire": [{"spawn": {"command": RUN, "port": 6}}]}}},
        "services.a.acquire[0].spawn.ports.http", "differs from", False,
    ),
    "a release of nothing": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "release": "stop"}}},
        "services.a.release", "must be leave", True,
    ),
    "acquire as a word": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "acquire": "attach"}}},
        "services.a.acquire", "must be a list", True,
    ),
}  # fmt: skip

BAD |= {
    "too little memory": (
        one({"limits": {"memory": 512}}), "services.a.limits.memory", "512 is too little for any program", True,
    ),
    "too little written memory": (
        one({"limits": {"memory": "999kB"}}), "services.a.limits.memory", "is too little for any program", False,
    ),
    "memory in words": (one({"limits": {"memory": "much"}}), "services.a.limits.memory", "is not a size", True),
    "nicer than can be": (one({"limits": {"nice": 20}}), "services.a.limits.nice", "from -20 to 19", True),
    "a fraction of niceness": (one({"limits": {"nice": "1-"}}), "services.a.limits.nice", "not '1-'", True),
    "no files at all": (one({"limits": {"open_files": 0}}), "services.a.limits.open_files", "from 3 to", True),
    "events for a task": (
        one({"kind": "task", "events": ["EVENT"]}), "services.a.events", "does not go on listening", False,
    ),
    "events for a terminal": (one({"tty": True, "events": ["EVENT"]}), "services.a.events", "a terminal", False),
    "events for somebody else's": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "events": ["EVENT"]}}},
        "services.a.events", "cannot be spoken to", False,
    ),
    "no events": (one({"events": []}), "services.a.events", "asks for no event", False),
    "an event that is not sent": (
        one({"events": ["PROCESS_LOG_STDOUT"]}), "services.a.events[0]", "PROCESS_LOG_STDOUT is never sent", True,
    ),
    "an event that nobody can send": (
        one({"events": ["TICK", "REMOTE_COMMUNICATION"]}), "services.a.events[1]", "is never sent", True,
    ),
    "an event that is nearly one": (
        one({"events": ["PROCESS_STATE_FATALE"]}), "services.a.events[0]", "is no type of event", True,
    ),
    "an event that is none": (one({"events": ["zq"]}), "services.a.events[0]", "'zq' is no type of event", True),
    "an event that is a number": (one({"events": [5]}), "services.a.events[0]", "5 is no type of event", True),
    "a word for events": (one({"events": "TICK_5"}), "services.a.events", "must be a list", True),
    "a terminal with two streams": (
        one({"tty": True, "logs": {"streams": "split"}}), "services.a.tty", "has one stream", False,
    ),
    "a terminal in words": (one({"tty": "maybe"}), "services.a.tty", "true or false", True),
    "a terminal of somebody else's": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "tty": True}}},
        "services.a.tty", "has no terminal of ours", False,
    ),
    "an image without a name": (one({"image": ""}), "services.a.image", "is empty", True),
    "an image as a number": (one({"image": 5}), "services.a.image", "must be text", True),
    "an image that refers to nobody": (one({"image": "${services.b.url}"}), "services.a.image", "", False),
    "an unknown limit": (one({"limits": {"cpu": 1}}), "services.a.limits.cpu", "unknown key", True),
}  # fmt: skip

BAD |= {
    "a number to watch": (one({"watch": 5}), "services.a.watch", "must be true, a path, a list of", True),
    "a number in what is watched": (one({"watch": [5]}), "services.a.watch.paths[0]", "must be text, not 5", True),
    "paths to watch as a number": (one({"watch": {"paths": 5}}), "services.a.watch.paths[0]", "must be text", True),
    "an empty path to watch": (one({"watch": ""}), "services.a.watch.paths[0]", "is empty", True),
    "a pattern as a number": (one({"watch": {"ignore": [5]}}), "services.a.watch.ignore[0]", "must be text", True),
    "no debounce": (one({"watch": {"debounce": 0}}), "services.a.watch.debounce", "longer than 0", True),
    "an unknown key of watch": (one({"watch": {"path": "."}}), "services.a.watch.path", "unknown key", True),
    "watching what is never started": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "watch": True}}},
        "services.a.watch", "never restarted", False,
    ),
    "a hook that neither runs nor calls": (
        one({"hooks": {"on_ready": {"timeout": "5s"}}}), "services.a.hooks.on_ready[0]", "neither runs nor", False,
    ),
    "a hook that does two things": (
        one({"hooks": {"on_ready": {"exec": RUN, "webhook": "http://h/"}}}), "services.a.hooks.on_ready[0].exec",
        "cannot stand beside webhook", True,
    ),
    "a hook of another time": (
        one({"hooks": {"on_reedy": RUN}}), "services.a.hooks.on_reedy", "unknown key", True,
    ),
    "a hook that is a number": (one({"hooks": {"on_ready": 5}}), "services.a.hooks.on_ready", "must be a list", True),
    "hooks that are a command": (one({"hooks": RUN}), "services.a.hooks", "must be a map", True),
    "a hook that cannot be split": (
        one({"hooks": {"on_ready": "say 'hi"}}), "services.a.hooks.on_ready[0].exec", "cannot be split", False,
    ),
    "a webhook without a host": (
        one({"hooks": {"on_ready": {"webhook": "/ready"}}}), "services.a.hooks.on_ready[0].webhook",
        "is not the URL of a webhook", False,
    ),
    "a webhook with a space": (
        one({"hooks": {"on_ready": {"webhook": "http://h/a b"}}}), "services.a.hooks.on_ready[0].webhook",
        "is not the URL of a webhook", False,
    ),
    "a webhook on a port that cannot be": (
        one({"hooks": {"on_ready": {"webhook": "http://h:99999/"}}}), "services.a.hooks.on_ready[0].webhook",
        "is not the URL of a webhook", False,
    ),
    "hooks of a spawned self": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN},
                            "acquire": [{"spawn": {"command": RUN, "hooks": {"on_ready": RUN}}}]}}},
        "services.a.acquire[0].spawn.hooks", "a spawned service cannot have this key", False,
    ),
    "a schedule of nonsense": (
        one({"kind": "task", "schedule": "whenever"}), "services.a.schedule.cron", "is not a cron expression", True,
    ),
    "a schedule of four fields": (
        one({"kind": "task", "schedule": "* * * *"}), "services.a.schedule.cron", "is not a cron expression", True,
    ),
    "a schedule at the start": (
        one({"kind": "task", "schedule": "@reboot"}), "services.a.schedule.cron", "@reboot is no time", True,
    ),
    "a schedule that is a number": (one({"kind": "task", "schedule": 5}), "services.a.schedule", "must be a map", True),
    "a schedule without times": (
        one({"kind": "task", "schedule": {"timezone": "UTC"}}), "services.a.schedule", "cron is missing", False,
    ),
    "a schedule with another key": (
        one({"kind": "task", "schedule": {"cron": "@daily", "zone": "UTC"}}), "services.a.schedule.zone",
        "unknown key", True,
    ),
    "a schedule of a service": (
        one({"schedule": "@daily"}), "services.a.schedule", "only a task runs by the clock", False,
    ),
    "a schedule of a manual task": (
        one({"kind": "task", "manual": True, "schedule": "@daily"}), "services.a.schedule", "manual", False,
    ),
    "a schedule of an essential task": (
        one({"kind": "task", "essential": True, "schedule": "@daily"}), "services.a.schedule", "ends nothing", False,
    ),
    "waiting for a scheduled task": (
        {"services": {"a": {"command": RUN, "depends_on": ["b"]},
                      "b": {"command": RUN, "kind": "task", "schedule": "@daily"}}},
        "services.a.depends_on.b", "runs by its schedule", False,
    ),
}  # fmt: skip

BAD |= {
    "a range from above": (one({"port": "8010-8001"}), "services.a.ports.http", "is no range of ports", False),
    "a range of no ports": (one({"port": "0-5"}), "services.a.ports.http", "is no range of ports", False),
    "a range beyond all ports": (one({"port": "65530-65536"}), "services.a.ports.http", "is no range of ports", False),
    "half a range": (one({"port": "8001-"}), "services.a.ports.http", "is not a port", True),
    "less than no replica": (one({"replicas": -1}), "services.a.replicas", "from 0 to 1000", True),
    "a slip of the finger": (one({"replicas": 1001}), "services.a.replicas", "from 0 to 1000", True),
    "replicas in words": (one({"replicas": "many"}), "services.a.replicas", "from 0 to 1000", True),
    "replicas on one port": (
        one({"replicas": 2, "port": 8001}), "services.a.ports.http", "cannot have one fixed port", False,
    ),
    "a fixed port for one replica": (
        one({"replicas": 1, "sockets": {"http": 8001}}), "services.a.sockets.http", "cannot have one fixed port", False,
    ),
    "a range too short": (
        one({"replicas": 3, "port": "8001-8002"}), "services.a.ports.http", "has 2 numbers, too few for 3", False,
    ),
    "a replica's name twice": (
        {"services": {"a": {"command": RUN, "replicas": 2}, "a-2": {"command": RUN}}},
        "services.a-2", "is also the name of a replica of a", False,
    ),
    "names beyond the longest": (
        {"services": {"a" * 61: {"command": RUN, "replicas": 10}}},
        f"services.{'a' * 61}.replicas", "would be too long", False,
    ),
    "replicas of an external": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN}, "replicas": 2}}},
        "services.a.replicas", "has no replicas", False,
    ),
    "replicas of a spawned external": (
        {"services": {"a": {"kind": "external", "identify": {"exec": RUN},
                            "acquire": [{"spawn": {"command": RUN, "replicas": 2}}]}}},
        "services.a.acquire[0].spawn.replicas", "cannot have this key", False,
    ),
}  # fmt: skip

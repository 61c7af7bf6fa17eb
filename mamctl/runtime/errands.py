"""Commands of the manifest about a service, beside its own process: to start, to release or to stop it.

One at a time for each service, in a session of its own and as the service's user. A stop command belongs to the
incarnation that it stops, so whatever it leaves is swept with that. A run step leaves a server behind that is none of
ours: it bears no mark of a service but one of its own, by which it is spared when everything else is ended, and it
writes to the log file itself, so that nobody's death is in its way.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from mamctl.core.events import ErrandEnded
from mamctl.core.exits import sentence
from mamctl.core.manifest.ladder import Starter
from mamctl.core.states import Errand
from mamctl.runtime.accounts import command_of
from mamctl.runtime.environment import EXTERNAL, environment, without_markers
from mamctl.runtime.launcher import LaunchError, explain
from mamctl.runtime.probes.command import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mamctl.core.actions import Run
    from mamctl.core.events import Event
    from mamctl.core.manifest.model import ServiceSpec
    from mamctl.core.service import Service
    from mamctl.runtime.outputs import Outputs
    from mamctl.runtime.probes import Context

# The core ends a stop command with the grace period; this is for a service that has ended before its command.
BEYOND_GRACE: Final = 0.5


class Underway(NamedTuple):
    """A command that runs, and who waits for its end."""

    command: Command
    task: asyncio.Task[None]
    then: list[Callable[[], None]]


class Starting(Command):
    """A command that leaves a server behind when it ends well: in a session of its own, and spared then.

    `outputs`: where it writes to, one descriptor or two.
    """

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, pids: set[int], outputs: tuple[int, ...]
    ) -> None:
        self._outputs = outputs
        super().__init__(argv, env=env, cwd=cwd, pids=pids)

    def _spawn(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, _stdout: int, _stderr: int
    ) -> subprocess.Popen[bytes]:
        stdout, stderr = self._outputs[0], self._outputs[-1]
        null = subprocess.DEVNULL
        return subprocess.Popen(
            argv, stdin=null, stdout=stdout, stderr=stderr, env=env, cwd=cwd, start_new_session=True
        )

    def _may_leave(self) -> bool:
        with suppress(ChildProcessError):
            found = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            return found is not None and found.si_code == os.CLD_EXITED and found.si_status == 0
        return False


class Errands:
    """Runs them. `pids` are the commands that run: children of this process which nobody else may reap."""

    def __init__(
        self,
        outputs: Outputs,
        *,
        group: asyncio.TaskGroup,
        post: Callable[[Event], None],
        inherited: Mapping[str, str],
    ) -> None:
        self._outputs = outputs
        self._group = group
        self._post = post
        self._inherited = inherited
        self._loop = asyncio.get_running_loop()
        self._underway: dict[str, Underway] = {}
        self.pids: set[int] = set()

    def run(self, action: Run, service: Service, project: str, context: Context | None) -> None:
        """Begin a command; ErrandEnded follows. `context` is that of the incarnation that is to be stopped."""
        self.cancel(action.name)
        try:
            if action.errand is Errand.STOP and context is not None:
                command = self._stop(service, context)
            else:
                command = self._about_external(action, service, project)
        except LaunchError as error:
            self._end(action, f"could not be run: {error.detail}")
            return
        limit = service.run.stop.grace + BEYOND_GRACE if action.errand is Errand.STOP else None
        task = self._group.create_task(self._follow(action, service.spec, command, limit))
        self._underway[action.name] = Underway(command, task, [])

    def cancel(self, name: str) -> None:
        """End the command about a service, if one runs; nobody is told."""
        found = self._underway.pop(name, None)
        if found is None:
            return
        # A task that has not begun yet would kill nothing.
        found.command.kill()
        found.task.cancel()
        for then in found.then:
            self._loop.call_soon(then)

    def before(self, name: str, then: Callable[[], None]) -> None:
        """Do something once no command about a service runs: now, or when it has ended."""
        found = self._underway.get(name)
        if found is None:
            then()
        else:
            found.then.append(then)

    def close(self) -> None:
        """End those that still run. Whoever only hands over to a successor leaves them to it: it does without this."""
        for name in tuple(self._underway):
            self.cancel(name)

    def _stop(self, service: Service, context: Context) -> Command:
        """Run a stop command in the surroundings of the process that it stops."""
        spec = service.run
        env = {**context.env, "MAMCTL_PID": str(service.pid)}
        argv = command_of(spec, spec.stop.command, env)
        end = self._outputs.extra_end(spec.name)
        try:
            return Command(argv, env=env, cwd=spec.cwd, pids=self.pids, stdout=end)
        except OSError as error:
            raise explain(error, spec.stop.command, spec.cwd) from None
        finally:
            os.close(end)

    def _about_external(self, action: Run, service: Service, project: str) -> Command:
        spec = service.spec
        external = spec.external
        assert external is not None
        rung = external.rungs[service.rung] if action.errand is Errand.START else Starter(external.release)
        assert isinstance(rung, Starter)
        env = without_markers(environment(spec, project, self._inherited, ""))
        env[EXTERNAL] = f"{project}/{spec.name}"
        argv = command_of(spec, rung.argv, env)
        ends: tuple[int, ...] = ()
        try:
            ends = self._outputs.appended_ends(spec, action.generation)
            return Starting(argv, env=env, cwd=spec.cwd, pids=self.pids, outputs=ends)
        except OSError as error:
            raise explain(error, rung.argv, spec.cwd) from None
        finally:
            for end in ends:
                os.close(end)

    async def _follow(self, action: Run, spec: ServiceSpec, command: Command, limit: float | None) -> None:
        complaint = None
        try:
            code = await command.finish(limit)
            if code != 0:
                complaint = self._how(action, spec, command, code)
        except TimeoutError:
            complaint = f"did not end within {limit:g} s"
        found = self._underway.pop(action.name)
        self._end(action, complaint)
        for then in found.then:
            then()

    def _how(self, action: Run, spec: ServiceSpec, command: Command, code: int | None) -> str:
        """Say how a command ended, with its last words."""
        said = sentence(code, None) if code is None or code >= 0 else sentence(None, -code)
        last = command.complaint
        if action.errand is not Errand.STOP:
            self._outputs.drain(spec.name)
            with suppress(OSError):
                last = "".join(self._outputs.last_lines(spec, 1, action.generation)).strip()
        return f"{said}: {last}" if last else said

    def _end(self, action: Run, complaint: str | None) -> None:
        self._post(ErrandEnded(action.name, action.generation, action.errand, complaint, self._loop.time()))

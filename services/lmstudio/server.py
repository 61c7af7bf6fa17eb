"""llama.cpp's HTTP server inside this process, from configuration to the signal that ends it.

The listener is up from the first moment and answers 503 until the model is in memory, so an open port means nothing
and `/health` means everything. The constructor of the native server holds the interpreter until then: no Python code
runs meanwhile, no signal handler either. So TERM keeps its default action while the model loads (the process ends at
once, by the signal), and is caught only once the model serves (exit code 0).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from services.lmstudio import openmp
from services.lmstudio.refusal import EX_FAILED, Refusal

if TYPE_CHECKING:
    from services.lmstudio.model import Model
    from services.lmstudio.settings import Settings

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
PING_S = 2  # reading a long prompt takes longer than a client's patience: an empty line tells that we are at it
PROMPT_CACHE_MIB = 128  # llama.cpp's own default lets the cache of old prompts grow to 8 GiB


def run(settings: Settings, model: Model) -> None:
    """Serve until TERM or INT, then end the process with exit code 0. Raises Refusal when it cannot serve."""
    started = time.monotonic()
    refuse_taken_port(settings)
    native = _native_library()
    try:
        server = native.Server(parameters(native, settings, model))
    except RuntimeError as error:
        refuse_taken_port(settings)
        raise Refusal(
            f"{model.path.name} could not be served", "the lines above are llama.cpp's own reason", EX_FAILED
        ) from error
    took = time.monotonic() - started
    _say(f"{model.alias} is served on {server.listening_address} after {took:.1f} s ({_share(settings)})")
    _wait_for_stop()
    # Nothing of this process must outlive it on disk, and the native threads may be in the middle of an answer that
    # takes minutes: leave without waiting for them.
    os._exit(0)


def parameters(native: Any, settings: Settings, model: Model) -> Any:
    """Translate our settings into llama.cpp's; what is switched off is named with its reason."""
    params = native.CommonParams()
    params.model.path = str(model.path)
    params.model_alias = {model.alias}
    params.hostnames = [settings.host]
    params.port = settings.port
    params.n_ctx = settings.context
    params.n_parallel = settings.parallel
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.sse_ping_interval = PING_S
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.fit_params = False  # it sizes the model to a graphics card, which this service never uses
    params.offline = True  # never fetch a model
    params.cors_origins = "localhost"  # a page of another origin must not read the answers
    params.cors_origins_explicit = True
    params.endpoint_slots = False  # it shows what others are asking
    params.ui = False
    return params


def refuse_taken_port(settings: Settings) -> None:
    """Raise Refusal when somebody else listens on our address (the native server's own message names no cause)."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            hint = "LM Studio may be running already; stop the other program, or set PORT to a free one"
            raise Refusal(f"cannot listen on {where}: {error.strerror}", hint, EX_FAILED) from error


def _native_library() -> Any:
    # Read by the OpenMP runtime when the library is loaded. Its threads spin by default, which on a busy machine made
    # two threads six times slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    hint = "pip install 'mamctl[lmstudio]'"
    try:
        import xllamacpp
    except ModuleNotFoundError as error:
        raise Refusal("the package xllamacpp is not installed", hint) from error
    except ImportError as error:
        if openmp.LIBRARY in str(error):
            openmp.again_with_openmp()
        raise Refusal(f"the package xllamacpp cannot be loaded: {error}", f"{hint} --force-reinstall") from error
    return xllamacpp


def _wait_for_stop() -> None:
    """Block until a stop signal. The kernel may give it to any thread; the byte in the socket wakes this one."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    signal.set_wakeup_fd(writer.fileno())
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    reader.recv(1)


def _share(settings: Settings) -> str:
    each = settings.context // settings.parallel
    return f"threads: {settings.threads}, answers at a time: {settings.parallel}, {each} tokens each"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

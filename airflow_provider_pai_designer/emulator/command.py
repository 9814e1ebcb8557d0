"""The command line of the emulator: ``pai-designer emulator``."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NoReturn

TOKEN_VARIABLE = "PAI_DESIGNER_EMULATOR_TOKEN"
_END_SECONDS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the emulator to a parser."""
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--data", type=Path, help="folder that keeps the state; without it the state ends with us")
    parser.add_argument("--seed", type=Path, help="JSON file with the world at the first start")
    parser.add_argument("--time-scale", type=float, help="simulated seconds per real second")


def run(arguments: argparse.Namespace) -> int:
    """Start the emulator, print one line of JSON with address and token, and serve until the process is ended."""
    from airflow_provider_pai_designer.emulator import seed
    from airflow_provider_pai_designer.emulator.serving import serve
    from airflow_provider_pai_designer.emulator.world import World

    # From here on a request to end unwinds the stack below, so that a state nobody asked to keep is removed; uvicorn
    # ends well on the signal too, and then raises it again.
    signal.signal(signal.SIGTERM, _leave)
    document = json.loads(arguments.seed.read_text(encoding="utf-8")) if arguments.seed else None
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    with ExitStack() as stack:
        folder = arguments.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pai-designer-")))
        folder.mkdir(parents=True, exist_ok=True)
        world = World.open(
            folder / "emulator.sqlite",
            seed=seed.parse(seed.starting_document(document)),
            time_scale=arguments.time_scale,
        )
        listener = stack.enter_context(socket.create_server(("127.0.0.1", arguments.port)))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sys.stdout.write(json.dumps({"url": url, "token": token}) + "\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            serve(world, token=token, listener=listener)
    return 0


def _leave(*_: object) -> NoReturn:
    # What is raised here may be swallowed, if it comes upon code that lets nothing pass.
    resort = threading.Timer(_END_SECONDS, os._exit, (0,))
    resort.daemon = True
    resort.start()
    raise SystemExit(0)


def main() -> int:
    """Run the emulator as a program of its own."""
    parser = argparse.ArgumentParser(prog="pai-designer emulator", description="A local DataWorks.")
    add_arguments(parser)
    return run(parser.parse_args())

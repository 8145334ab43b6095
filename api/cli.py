"""`sightline`: documents in, cited answers out, from a terminal.

Reads its arguments, has the work done (`session.py` says by whom), and shows the result; the commands that
change documents are in `documents.py`. What is shown to people goes to standard output, progress and errors
to standard error; with --json the last line of standard output is one JSON object and nothing else is
written there. Exit codes: 0 done, 1 failed, 2 wrong use. Imports nothing heavy: --help is instant.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from api import documents
from api.session import DONE, FAILED, INTERRUPTED, WRONG_USE, open_service, print_json, settings_of

if TYPE_CHECKING:
    from api.schemas import GraphCommunities, GraphNeighbours, GraphPath
    from api.service import Service


def main(arguments: Sequence[str] | None = None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file's name may be no text at all
    options = _parser().parse_args(arguments)
    from core.errors import SettingsError, SightlineError
    from core.memory import collect_rarely

    collect_rarely()
    try:
        code: int = options.run(options)
    except SightlineError as error:
        print(f"sightline: {error.message}", file=sys.stderr)
        if options.json:
            told = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
            print_json({"error": told})
        return WRONG_USE if isinstance(error, SettingsError) else FAILED
    except KeyboardInterrupt:
        print("sightline: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sightline",
        description="Answers over your documents, with a line of sight from every sentence to its page.",
        epilog="Settings are environment variables named SIGHTLINE_*; options win over them.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--state", type=Path, metavar="DIR", help="state directory (SIGHTLINE_STATE)")
    common.add_argument(
        "--json", action="store_true", help="one JSON object on the last line of standard output"
    )

    def command(name: str, run: Callable[[argparse.Namespace], int], help_: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_, parents=[common])
        sub.set_defaults(run=run)
        return sub

    ingest = command("ingest", documents.ingest, "Read files and folders into the index.")
    ingest.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with all below it"
    )
    ingest.add_argument(
        "--watch", action="store_true", help="stay, and read what comes or changes in these folders"
    )
    ingest.add_argument(
        "--delete-missing", action="store_true", help="with --watch: delete what is gone from there"
    )

    ask = command("ask", _ask, "Answer a question, each sentence with its page and quote.")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument(
        "--page-image", type=Path, metavar="DIR", help="save the cited pages there, quotes framed"
    )

    search = command("search", _search, "Show the passages that answer a question best.")
    search.add_argument("query", metavar="QUERY")
    search.add_argument(
        "--limit", type=_limit, metavar="N", help="how many, 1 to 100 (SIGHTLINE_SEARCH_LIMIT)"
    )

    facts = command("facts", _facts, "Show the typed values of the documents, with their places.")
    facts.add_argument("--attribute", default="", metavar="WORDS", help="what they are of")
    facts.add_argument("--period", default="", metavar="PERIOD", help="2023, Q3 2023 or 2023-12-31")
    facts.add_argument("--doc", metavar="DOC", help="an id, a name or a path")
    facts.add_argument("--subject", default="", metavar="WORDS", help="words of title or section")
    facts.add_argument("--limit", type=_limit, default=100, metavar="N", help="how many, 1 to 100")

    related = command("related", _related, "Show the documents that are about the same things as one.")
    related.add_argument("document", metavar="DOC", help="an id, a name or a path")
    related.add_argument("--limit", type=_limit, default=10, metavar="N", help="how many, 1 to 100")

    about = "Look into the knowledge graph: names, the ways between them, their groups."
    graph = commands.add_parser("graph", help=about, description=about)
    graph.set_defaults(run=_graph)
    _add_views(graph, common)

    for sub in (ask, search):
        sub.add_argument("--as-of", type=_day, metavar="DATE", help="only what was known then: 2023-12-31")

    status = command("status", documents.status, "Show the documents, their pages and what failed.")
    status.add_argument("documents", nargs="*", metavar="DOC", help="an id, a name or a path; default: all")
    status.add_argument(
        "--verify", action="store_true", help="count everything again and repair what does not add up"
    )

    delete = command("delete", documents.delete, "Remove documents and everything made from them.")
    delete.add_argument("documents", nargs="+", metavar="DOC", help="an id, a name or a path")

    cancel = command(
        "cancel", documents.cancel, "Stop reading documents; what is seen of them already stays."
    )
    retry = command("retry", documents.retry, "Read documents again that failed or were cancelled.")
    for sub in (cancel, retry):
        sub.add_argument("documents", nargs="+", metavar="DOC", help="an id, a name or a path")
    command("pause", documents.pause, "Begin nothing more; what was sent waits, over restarts too.")
    command("resume", documents.resume, "Go on with what waits.")

    command("compact", documents.compact, "Remove what deletions left in the files of the state.")

    command("rekey", documents.rekey, "Make names, periods and typed pages again, from what is indexed.")
    about = "What a sparse vision-language model holds, computes, weighs and needs."
    model = commands.add_parser("model", help=about, description=about)
    model.set_defaults(run=_model)
    views = model.add_subparsers(dest="view", required=True, metavar="VIEW")
    profile = views.add_parser("profile", help="Its figures, from its config alone.")
    profile.add_argument("model", metavar="MODEL", help="a model folder, or the name of a known model")
    profile.add_argument("--json", action="store_true", help="one JSON object on the last line")

    about = "Ask a local sparse model, and show which of its experts worked, layer by layer."
    experts = commands.add_parser("experts", help=about, description=about)
    experts.set_defaults(run=_experts)
    experts.add_argument("model", type=Path, metavar="FOLDER", help="model folder")
    experts.add_argument("question", metavar="QUESTION")
    experts.add_argument(
        "--image", type=Path, action="append", default=[], help="shown first; again for more"
    )
    experts.add_argument("--png", type=Path, metavar="FILE", help="save a heat map there")
    experts.add_argument("--json", action="store_true", help="one JSON object on the last line")

    serve = command("serve", _serve, "Answer over HTTP, and index behind it.")
    serve.add_argument("--host", help="address to listen on (SIGHTLINE_HOST)")
    serve.add_argument("--port", type=_port, help="port to listen on, 0 for any (SIGHTLINE_PORT)")

    openspec = command(
        "openspec", _openspec, "Report the service's figures under the four ideas of sparse models."
    )
    openspec.add_argument(
        "--results",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="output of `python -m bench NAME --json`; again for more",
    )
    openspec.add_argument(
        "--model",
        default="Qwen/Qwen3-VL-30B-A3B-Instruct",
        metavar="MODEL",
        help="profiled where the service asks none",
    )

    command("worker", _work, "Index what others accept; for many machines on one Postgres and one Qdrant.")
    return parser


def _add_views(graph: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    views = graph.add_subparsers(dest="view", required=True, metavar="VIEW")

    def view(name: str, help_: str) -> argparse.ArgumentParser:
        return views.add_parser(name, help=help_, description=help_, parents=[common])

    export = view("export", "Write the whole graph to standard output.")
    export.add_argument(
        "--format", choices=("json", "graphml"), default="json", help="node-link JSON or GraphML"
    )
    communities = view("communities", "Groups of documents and names that hang together.")
    neighbours = view("neighbours", "The names beside a name, with the sentences that have both.")
    neighbours.add_argument("name", metavar="NAME")
    for sub in (communities, neighbours):
        sub.add_argument("--limit", type=_limit, default=20, metavar="N", help="how many, 1 to 100")
    path = view("path", "The shortest way from one name to another, with the sentences.")
    path.add_argument("name", metavar="NAME")
    path.add_argument("other", metavar="OTHER")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"sightline {version('sightline')}")
        parser.exit(DONE)


def _limit(text: str) -> int:
    return _within(text, 1, 100)


def _port(text: str) -> int:
    return _within(text, 0, 65535)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date like 2023-12-31") from error


def _within(text: str, low: int, high: int) -> int:
    if text.isdecimal() and low <= int(text) <= high:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")


# ---------------------------------------------------------------- commands


def _ask(options: argparse.Namespace) -> int:
    from api import terminal

    with open_service(options) as service:
        answer = terminal.Answer.of(service.ask(options.question, options.as_of))
        if options.page_image:
            answer = terminal.save_pages(answer, service, options.page_image)
    if options.json:
        print_json({"question": options.question, **answer.as_json()})
    else:
        terminal.show_answer(answer)
    return DONE


def _search(options: argparse.Namespace) -> int:
    from api import terminal

    with open_service(options) as service:
        result = service.search(options.query, options.limit, options.as_of)
    if options.json:
        print_json({"query": result.query, "hits": [hit.model_dump(mode="json") for hit in result.data]})
    else:
        terminal.show_hits(result.data)
    return DONE


def _facts(options: argparse.Namespace) -> int:
    from api import terminal
    from api.service import the_one

    with open_service(options) as service:
        doc = the_one(service.files(), options.doc).id if options.doc else ""
        result = service.facts(
            attribute=options.attribute,
            period=options.period,
            doc=doc,
            subject=options.subject,
            limit=options.limit,
        )
    if options.json:
        print_json({"facts": [fact.model_dump(mode="json") for fact in result.data]})
    else:
        terminal.show_facts(result)
    return DONE


def _related(options: argparse.Namespace) -> int:
    from api import terminal
    from api.service import the_one

    with open_service(options) as service:
        result = service.related(the_one(service.files(), options.document).id, options.limit)
    if options.json:
        print_json(result.model_dump(mode="json"))
    else:
        terminal.show_related(result)
    return DONE


def _graph(options: argparse.Namespace) -> int:
    from api import terminal

    if options.view == "export":
        with open_service(options) as service:
            text = service.export_graph(options.format)
        if options.json:
            print_json({"format": options.format, "graph": text})
        else:
            print(text, flush=True)
        return DONE
    with open_service(options) as service:
        found = _seen(service, options)
    if options.json:
        print_json(found.model_dump(mode="json"))
    else:
        terminal.show_graph(found)
    return DONE


def _seen(
    service: "Service", options: argparse.Namespace
) -> "GraphCommunities | GraphNeighbours | GraphPath":
    if options.view == "communities":
        return service.communities(options.limit)
    if options.view == "neighbours":
        return service.neighbours(options.name, options.limit)
    return service.path(options.name, options.other)


def _model(options: argparse.Namespace) -> int:
    from api import terminal
    from rag.vl.profile import profile

    found = profile(options.model)
    if options.json:
        print_json(found.to_json())
    else:
        terminal.show_profile(found)
    return DONE


def _experts(options: argparse.Namespace) -> int:
    from api import terminal
    from rag.vl.experts import SEGMENTS, heat_map
    from rag.vl.watched import ask_watched

    images = [path.read_bytes() for path in options.image]
    answer, routing = ask_watched(options.model, options.question, images)
    if options.png:
        heat_map({name: routing.counts[name] for name in SEGMENTS}).save(options.png, "PNG")
    if options.json:
        counts = {name: routing.counts[name].tolist() for name in SEGMENTS}
        print_json({"answer": answer, "experts": counts})
    else:
        terminal.show_experts(answer, routing)
    return DONE


def _openspec(options: argparse.Namespace) -> int:
    from api import openspec, terminal

    results = openspec.read_results(options.results)
    with open_service(options) as service:
        spec = service.spec()
    profile = openspec.profile_of(spec, options.model)
    ideas = openspec.report(spec, profile, results, openspec.grow)
    if options.json:
        print_json(openspec.to_json(ideas))
    else:
        terminal.show_ideas(ideas)
    return DONE


def _serve(options: argparse.Namespace) -> int:
    from api import server

    def ready(url: str) -> None:
        if options.json:
            print_json({"url": url})
        else:
            print(f"Sightline listens on {url}", file=sys.stderr)

    server.serve(settings_of(options, host=options.host, port=options.port), ready)
    return DONE


def _work(options: argparse.Namespace) -> int:
    from api import server

    def ready(pid: int) -> None:
        if options.json:
            print_json({"pid": pid})
        else:
            print(f"worker {pid} is ready", file=sys.stderr)

    server.work(settings_of(options), ready)
    return DONE


if __name__ == "__main__":
    sys.exit(main())

"""The tour: ingests the demo's documents, asks five questions and shows where each answer stands.

It uses what the command line uses and has a state directory of its own, so it can be run again
without harm: what is ingested already is left alone. Knows the questions; nothing of how they
are answered.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from api import terminal
from api.assemble import open_sightline
from api.schemas import File
from api.service import Here, Service
from core.errors import SightlineError
from core.settings import Settings
from core.types import Access
from demo.corpus import write_corpus

STATE = Path(".sightline/demo")


@dataclass(frozen=True, slots=True)
class Question:
    kind: str
    text: str


QUESTIONS = (
    Question("a look-up in a table", "What was Tarnbeck's research and development expense in 2025?"),
    Question(
        "a comparison over two pages",
        "How did the gross margin of Flow Metering in 2025 compare with 2024?",
    ),
    Question("a why", "Why did the gross margin of Flow Metering fall in 2025?"),
    Question("a question in Chinese", "DL-4 探头的最大工作深度是多少？"),
    Question(
        "a question that the documents do not answer",
        "What notice period does the contract of the chief executive of Tarnbeck provide for?",
    ),
)

_NEXT = """\
The same over HTTP, with links that open the cited page and frame the quote:

  make serve ARGS="--state {state}"

  curl -s {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model": "sightline", "messages": [{{"role": "user", "content": "{question}"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="any")
  print(client.chat.completions.create(model="sightline",
        messages=[{{"role": "user", "content": "{question}"}}]).choices[0].message.content)

Each citation in the answer is such a link: {url}/e/...
Your own documents: .venv/bin/sightline ingest FOLDER, then .venv/bin/sightline ask "..."
"""


def run(state: Path, console: Console) -> list[terminal.Answer]:
    """Returns the answers, in the order of `QUESTIONS`. Raises SightlineError, also where a
    document of the demo could not be ingested.
    """
    settings = Settings.from_env({}, state=state)  # not of this environment: it touches no other state
    with open_sightline(settings) as sightline:
        service = Here(sightline, Access())
        ingest(service, state / "documents")
        answers = []
        for number, question in enumerate(QUESTIONS, 1):
            console.print()
            console.print(Rule(f"{number}. {question.kind}", align="left"))
            console.print(question.text, style="bold", highlight=False, soft_wrap=True)
            console.print()
            answer = terminal.Answer.of(service.ask(question.text))
            answer = terminal.save_pages(answer, service, state / "pages" / str(number))
            terminal.show_answer(answer)
            answers.append(answer)
    console.print()
    console.print(Rule("what next", align="left"))
    url = f"http://{settings.host}:{settings.port}"
    told = _NEXT.format(state=state, url=url, question=QUESTIONS[2].text)
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    return answers


def ingest(service: Service, folder: Path) -> list[File]:
    paths = write_corpus(folder)
    with terminal.progress(len(paths)) as shown:
        files = service.follow([service.accept(path).id for path in paths], shown.changed)
    terminal.show_files(files, names=[file.filename for file in files])
    failed = [file for file in files if file.stage != "ready"]
    if failed:
        raise SightlineError(f"{failed[0].filename} was not ingested: {failed[0].status_details}")
    return files


def main(state: Path = STATE) -> int:
    try:
        run(state, Console())
    except SightlineError as error:
        print(f"demo: {error.message}", file=sys.stderr)
        return 1
    return 0

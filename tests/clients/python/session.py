"""One session through the generated client, without a cast: a task, a question, the lists."""

import json
import sys
import time
from uuid import UUID

from claude_code_runner_client import Client
from claude_code_runner_client.api.requests import decide_request
from claude_code_runner_client.api.sessions import find_session, list_events, list_sessions
from claude_code_runner_client.api.tasks import run_task
from claude_code_runner_client.models import (
    Decision,
    DecisionBody,
    DecisionBodyAnswers,
    EventAssistantText,
    EventPage,
    RequestKind,
    RequestView,
    SessionPage,
    SessionStatus,
    SessionView,
    TaskBody,
    UnfinishedTask,
)
from claude_code_runner_client.types import UNSET, Unset


def wait_until_idle(client: Client, session: UUID) -> None:
    while True:
        view = find_session.sync(session, client=client)
        assert isinstance(view, SessionView), view
        if view.status == SessionStatus.IDLE:
            return
        time.sleep(0.05)


def history(client: Client, session: UUID) -> tuple[list[str], list[str]]:
    """The types of the events, and what the agent wrote."""
    types: list[str] = []
    texts: list[str] = []
    cursor: str | Unset = UNSET
    while True:
        page = list_events.sync(session, client=client, limit=5, cursor=cursor)
        assert isinstance(page, EventPage), page
        for event in page.events:
            types.append(event.type_.value)
            if isinstance(event, EventAssistantText):
                texts.append(event.data.text)
        if page.next_cursor is None or isinstance(page.next_cursor, Unset):
            return types, texts
        cursor = page.next_cursor


def main(url: str, prompt: str) -> None:
    client = Client(base_url=url)
    task = run_task.sync(client=client, body=TaskBody(prompt=prompt))
    assert isinstance(task, UnfinishedTask), task
    request = task.pending[0]
    assert request.kind == RequestKind.QUESTION, request

    answers = DecisionBodyAnswers()
    answers["Which colour?"] = "Blue"
    answers["Which sizes?"] = ["S", "L"]
    body = DecisionBody(decision=Decision.ALLOW, answers=answers)
    decided = decide_request.sync(task.session_id, request.request_id, client=client, body=body)
    assert isinstance(decided, RequestView), decided

    wait_until_idle(client, task.session_id)
    sessions = list_sessions.sync(client=client, limit=1)
    assert isinstance(sessions, SessionPage), sessions
    types, texts = history(client, task.session_id)
    print(json.dumps({"types": types, "texts": texts, "title": sessions.sessions[0].title}))


main(sys.argv[1], sys.argv[2])

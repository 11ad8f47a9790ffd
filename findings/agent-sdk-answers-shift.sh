#!/usr/bin/env bash
# Package: claude-agent-sdk 0.2.189 (PyPI) with the claude 2.1.332 that it brings along.
#
# Valid input: three questions over one ClaudeSDKClient, each as in the documentation: query(), then all
# messages of receive_response(). In the first turn the model starts a background command (or agent), which
# ends while the program waits for its user's second question.
# One would expect: receive_response() after query() gives the messages up to the result of that question.
# What happens instead: the end of the background work starts a turn of its own, whose messages wait in the
# stream. receive_response() stops at the first result that it meets: the second question is "answered" by
# that turn, the third by the answer to the second, and so on for the rest of the conversation. Only `origin`
# of the result that came first tells.
# Why it matters: from then on every answer is shown under the wrong question, with no error anywhere; a
# person who asks "may I delete it?" reads the "yes" that belonged to the question before.
set -euo pipefail
WORK=$(mktemp -d); export WORK; trap 'rm -rf "$WORK"' EXIT
python3 -m venv "$WORK/venv"; "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check claude-agent-sdk==0.2.189 >/dev/null 2>&1
cat > "$WORK/run.py" <<'PY'
import asyncio, json, os, sys, tempfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage
WORK = os.environ['WORK']; FAILED = []
QUESTIONS = ['question one', 'question two', 'question three']
def check(ok, what):
    print(('  seen:     ' if ok else '  NOT SEEN: ') + what)
    if not ok: FAILED.append(what)
def answer(body, started):
    """The scripted model: starts the background work once, then answers each question by its name."""
    users = [json.dumps(m['content']) for m in body['messages'] if m['role'] == 'user']
    if 'COUNT THE FILES' in users[0] and 'toolu_01' not in ''.join(users): time.sleep(2); return {'type': 'text', 'text': 'counted'}
    for q in reversed(QUESTIONS):
        if q in users[-1] and (q != QUESTIONS[0] or started is None): return {'type': 'text', 'text': 'answer to ' + q}
    if 'task-notification' in users[-1]: return {'type': 'text', 'text': 'the background work is done'}
    if 'toolu_01' in users[-1]: return {'type': 'text', 'text': 'answer to ' + QUESTIONS[0]}
    return dict({'type': 'tool_use', 'id': 'toolu_01'}, **started)
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length']))); b = answer(body, self.server.started)
        head = {'id': 'msg_1', 'type': 'message', 'role': 'assistant', 'model': body['model'], 'content': [], 'stop_reason': None, 'stop_sequence': None, 'usage': {'input_tokens': 9, 'output_tokens': 0}}
        delta = {'type': 'text_delta', 'text': b['text']} if b['type'] == 'text' else {'type': 'input_json_delta', 'partial_json': json.dumps(b['input'])}
        start = dict(b, text='') if b['type'] == 'text' else dict(b, input={})
        out = [{'type': 'message_start', 'message': head}, {'type': 'content_block_start', 'index': 0, 'content_block': start}, {'type': 'content_block_delta', 'index': 0, 'delta': delta}, {'type': 'content_block_stop', 'index': 0},
               {'type': 'message_delta', 'delta': {'stop_reason': 'end_turn' if b['type'] == 'text' else 'tool_use', 'stop_sequence': None}, 'usage': {'output_tokens': 9}}, {'type': 'message_stop'}]
        data = ''.join('event: %s\ndata: %s\n\n' % (e['type'], json.dumps(e)) for e in out).encode()
        self.send_response(200); self.send_header('content-type', 'text/event-stream'); self.send_header('content-length', str(len(data))); self.end_headers(); self.wfile.write(data)
async def talk(started):
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler); server.daemon_threads = True; server.started = started
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = tempfile.mkdtemp(dir=WORK)
    for d in ('project', 'config', 'tmp'): os.mkdir(base + '/' + d)
    env = {'HOME': base, 'TMPDIR': base + '/tmp', 'CLAUDE_CONFIG_DIR': base + '/config', 'ANTHROPIC_BASE_URL': 'http://127.0.0.1:%d' % server.server_port, 'ANTHROPIC_API_KEY': 'sk-ant-test',
           'DISABLE_TELEMETRY': '1', 'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC': '1', 'DISABLE_AUTOUPDATER': '1'}
    pairs = []
    async with ClaudeSDKClient(ClaudeAgentOptions(cwd=base + '/project', env=env, allowed_tools=['Bash'])) as client:
        for q in QUESTIONS:
            await client.query(q)
            async for m in client.receive_response():
                if isinstance(m, ResultMessage): pairs.append((q, m.result, 'task-notification' in str(m.origin)))
            await asyncio.sleep(6)  # the user reads and types
    server.shutdown(); server.server_close(); return pairs
RIGHT = [(q, 'answer to ' + q, False) for q in QUESTIONS]
SHIFTED = [RIGHT[0], (QUESTIONS[1], 'the background work is done', True), (QUESTIONS[2], 'answer to ' + QUESTIONS[1], False)]
WORKS = {'a background command': {'name': 'Bash', 'input': {'command': 'sleep 2; echo done', 'run_in_background': True}},
         'a background agent': {'name': 'Agent', 'input': {'description': 'count files', 'prompt': 'COUNT THE FILES', 'subagent_type': 'general-purpose', 'run_in_background': True}}}
for what, started, wanted in [('nothing', None, RIGHT)] + [(k, v, SHIFTED) for k, v in WORKS.items()]:
    got = asyncio.run(asyncio.wait_for(talk(started), 120)); print(what)
    for q, a, by_itself in got: print('   %s -> %s%s' % (q, a, ' (origin task-notification)' if by_itself else ''))
    check(got == wanted, 'each answer under its question' if wanted is RIGHT else 'from the second question on the answers are one behind')
print('no longer as stated' if FAILED else 'all as stated'); sys.exit(bool(FAILED))
PY
PYTHONDONTWRITEBYTECODE=1 "$WORK/venv/bin/python" "$WORK/run.py"

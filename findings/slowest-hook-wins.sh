#!/usr/bin/env bash
# Package: @anthropic-ai/claude-code 2.1.332 and 2.1.197 (the platform package with the binary).
#
# Valid input: two PreToolUse hooks for Bash, each of which changes the command by updatedInput: one adds the
# word first, the other the word second.
# One would expect: they are called in order and the second sees what the first made of it; or at least the
# order in which they are listed decides.
# What happens instead: both get the original input at the same time, and the change of the one that ANSWERS
# LAST is used; the other is dropped without a word. The same for callbacks over stdin and for commands in the
# settings: if the first of two commands is the slower one, its input is run.
# Why it matters: two hooks that each do one thing (set a limit, rewrite a path) do not add up; which one
# counts depends on the load of the machine, so it may change from call to call with nothing to see in the
# output.
set -euo pipefail
VERSIONS="2.1.332 2.1.197"
case "$(uname -m)" in x86_64) plat=linux-x64 ;; aarch64) plat=linux-arm64 ;; *) echo "no claude binary for this machine" >&2; exit 2 ;; esac
WORK=$(mktemp -d); export WORK
trap 'rm -rf "$WORK"' EXIT
for v in $VERSIONS; do
  npm install --prefix "$WORK/npm-$v" --silent --no-audit --no-fund --ignore-scripts "@anthropic-ai/claude-code-$plat@$v" >/dev/null
  export "BIN_${v//./_}=$WORK/npm-$v/node_modules/@anthropic-ai/claude-code-$plat/claude"
done
cat > "$WORK/drive.py" <<'PY'
import json, os, subprocess, sys, tempfile, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORK = os.environ['WORK']; FAILED = []

def check(ok, what):
    print(('  seen:     ' if ok else '  NOT SEEN: ') + what)
    if not ok: FAILED.append(what)

def text(s, **more): return dict({'type': 'text', 'text': s}, **more)
def use(name, id='toolu_01', **given): return {'type': 'tool_use', 'id': id, 'name': name, 'input': given}

class Api:
    """Messages API on loopback that streams prepared answers: a list of content blocks,
    or a dict with content, stop, usage. The last one is repeated. A function is called with
    the request and gives the answer. Keeps the requests. `model` is the name it answers with."""
    def __init__(self, *answers, model=None):
        self.answers, self.requests, self.headers, self.lock = answers, [], [], threading.Lock()
        api = self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def log_message(self, *a): pass
            def reply(self, kind, data):
                self.send_response(200); self.send_header('content-type', kind)
                self.send_header('content-length', str(len(data))); self.end_headers()
                try: self.wfile.write(data)
                except OSError: pass  # the program was ended meanwhile
            def do_HEAD(self): self.reply('text/plain', b'')
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers['content-length'])))
                if 'count_tokens' in self.path: return self.reply('application/json', b'{"input_tokens":100}')
                with api.lock:
                    n = len(api.requests); api.requests.append(body); api.headers.append(dict(self.headers))
                a = api.answers[min(n, len(api.answers) - 1)]
                if callable(a): a = a(body)
                if isinstance(a, list): a = {'content': a}
                usage = a.get('usage', {'input_tokens': 100, 'output_tokens': 20})
                stop = a.get('stop') or ('tool_use' if any(b['type'] == 'tool_use' for b in a['content']) else 'end_turn')
                head = {'id': 'msg_%02d' % n, 'type': 'message', 'role': 'assistant', 'model': model or body['model'],
                        'content': [], 'stop_reason': None, 'stop_sequence': None, 'usage': dict(usage, output_tokens=0)}
                out = [{'type': 'message_start', 'message': head}]
                for i, b in enumerate(a['content']):
                    if b['type'] == 'text':
                        start = dict(b, text=''); deltas = [{'type': 'text_delta', 'text': b['text']}]
                        if 'citations' in b:
                            start['citations'] = []
                            deltas += [{'type': 'citations_delta', 'citation': c} for c in b['citations']]
                    else:
                        start = dict(b, input={}); deltas = [{'type': 'input_json_delta', 'partial_json': json.dumps(b['input'])}]
                    out.append({'type': 'content_block_start', 'index': i, 'content_block': start})
                    out += [{'type': 'content_block_delta', 'index': i, 'delta': d} for d in deltas]
                    out.append({'type': 'content_block_stop', 'index': i})
                out += [{'type': 'message_delta', 'delta': {'stop_reason': stop, 'stop_sequence': None}, 'usage': usage}, {'type': 'message_stop'}]
                self.reply('text/event-stream', ''.join('event: %s\ndata: %s\n\n' % (e['type'], json.dumps(e)) for e in out).encode())
        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler); self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = 'http://127.0.0.1:%d' % self.server.server_port
    def tool_results(self):
        """What the model was handed as tool results, in the last request."""
        return [b for m in self.requests[-1]['messages'] if isinstance(m['content'], list) for b in m['content'] if b['type'] == 'tool_result']

class Claude:
    """One claude process; permission questions are allowed as they are, unless `answer` says otherwise.
    `hook` answers hook callbacks; `base` is that of an earlier process whose folders are used again."""
    def __init__(self, version, api, *args, files={}, env={}, answer=None, mcp=None, hook=None, base=None):
        self.base = base = base or tempfile.mkdtemp(dir=WORK); self.cwd = base + '/project'; self.api = api
        for d in ('project', 'config', 'tmp'): os.makedirs(base + '/' + d, exist_ok=True)
        for name, data in files.items():
            with open(self.cwd + '/' + name, 'wb') as f: f.write(data.encode() if isinstance(data, str) else data)
        e = {'PATH': os.environ['PATH'], 'HOME': base, 'TMPDIR': base + '/tmp', 'CLAUDE_CONFIG_DIR': base + '/config',
             'ANTHROPIC_BASE_URL': api.url, 'ANTHROPIC_API_KEY': 'sk-ant-test', 'DISABLE_TELEMETRY': '1',
             'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC': '1', 'DISABLE_AUTOUPDATER': '1', 'ENABLE_TOOL_SEARCH': 'false'}
        e.update(env)
        self.p = subprocess.Popen([os.environ['BIN_' + version.replace('.', '_')], '--output-format', 'stream-json', '--verbose',
                                   '--input-format', 'stream-json', '--permission-prompt-tool', 'stdio', *args],
                                  cwd=self.cwd, env=e, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines, self.asked, self.stderr, self.cv, self.ended = [], [], '', threading.Condition(), False
        self.answer = answer or (lambda ask: {'behavior': 'allow', 'updatedInput': ask['input']}); self.mcp, self.hook = mcp, hook
        self.readers = [threading.Thread(target=f, daemon=True) for f in (self.read_out, self.read_err)]
        for t in self.readers: t.start()
    def path(self, name): return self.cwd + '/' + name
    def file(self, name):
        with open(self.path(name), 'rb') as f: return f.read()
    def send(self, o):
        try: self.p.stdin.write(json.dumps(o) + '\n'); self.p.stdin.flush()
        except OSError: pass
    def read_err(self):
        for l in self.p.stderr: self.stderr += l
    def read_out(self):
        for l in self.p.stdout:
            m = json.loads(l)
            if m['type'] == 'control_request':
                r = m['request']; back = None
                if r['subtype'] == 'can_use_tool': self.asked.append(r); back = self.answer(r)
                elif r['subtype'] == 'hook_callback' and self.hook: back = self.hook(r)
                elif r['subtype'] == 'mcp_message' and self.mcp: back = {'mcp_response': self.mcp(r['message'])}
                if back is not None:
                    self.send({'type': 'control_response', 'response': {'subtype': 'success', 'request_id': m['request_id'], 'response': back}})
            with self.cv: self.lines.append(m); self.cv.notify_all()
        with self.cv: self.ended = True; self.cv.notify_all()
    def wait(self, wanted, start=0, seconds=40):
        end = time.time() + seconds
        with self.cv:
            while True:
                for m in self.lines[start:]:
                    if wanted(m): return m
                if self.ended or time.time() > end: return None
                self.cv.wait(0.2)
    def turn(self, content):
        n = len(self.lines); self.send({'type': 'user', 'message': {'role': 'user', 'content': content}})
        return self.wait(lambda m: m['type'] == 'result', n)
    def control(self, **request):
        n = len(self.lines); self.send({'type': 'control_request', 'request_id': 'r%d' % n, 'request': request})
        m = self.wait(lambda m: m['type'] == 'control_response' and m['response']['request_id'] == 'r%d' % n, n)
        return m and m['response'].get('response')
    def mcp_ready(self):
        for _ in range(200):
            st = (self.control(subtype='mcp_status') or {}).get('mcpServers', [])
            if st and all(s['status'] != 'pending' for s in st): return st
            time.sleep(0.1)
    def close(self):
        try: self.p.stdin.close()
        except OSError: pass
        try: self.p.wait(20)
        except subprocess.TimeoutExpired: self.p.kill(); self.p.wait()
        for t in self.readers: t.join(5)
        self.api.server.shutdown(); self.api.server.server_close()
        for m in self.lines:  # the program does not always remove its own socket
            if m.get('messaging_socket_path') and os.path.exists(m['messaging_socket_path']): os.unlink(m['messaging_socket_path'])
        return self.p.returncode
    def results(self):
        """tool_use_result of each tool result line on stdout."""
        return [m.get('tool_use_result') for m in self.lines if m['type'] == 'user' and isinstance(m['message']['content'], list)
                and any(b['type'] == 'tool_result' for b in m['message']['content'])]
    def model(self):
        """The model that the program names at the start of its last turn."""
        return [m['model'] for m in self.lines if m.get('subtype') == 'init'][-1]
    def said(self, kind):
        return [b for m in self.lines if m['type'] == 'assistant' for b in m['message']['content'] if b['type'] == kind]

def done():
    if FAILED:
        print('\nno longer as stated: %d' % len(FAILED)); sys.exit(1)
    print('\nall as stated')

# ---- the case ----
def change(command): return {'hookSpecificOutput': {'hookEventName': 'PreToolUse', 'permissionDecision': 'allow', 'updatedInput': {'command': command}}}
def callbacks(v, slow):
    api = Api([use('Bash', command='echo run')], [text('end')]); seen = {}; c = Claude(v, api)
    def answers():
        for name in ('first', 'second'):  # both questions are there before the first answer
            m = c.wait(lambda m: m['type'] == 'control_request' and m['request'].get('callback_id') == name); seen[name] = (m['request_id'], m['request']['input']['tool_input']['command'])
        for name in sorted(seen, key=lambda name: name == slow):
            id, command = seen[name]; c.send({'type': 'control_response', 'response': {'subtype': 'success', 'request_id': id, 'response': change(command + ' ' + name)}}); time.sleep(0.5)
    c.control(subtype='initialize', hooks={'PreToolUse': [{'matcher': 'Bash', 'hookCallbackIds': ['first', 'second']}]})
    t = threading.Thread(target=answers); t.start(); c.turn('go'); t.join(); c.close()
    return sorted((name, command) for name, (_, command) in seen.items()), api.tool_results()[0]['content']
def commands(v, slow):
    def hook(name): return {'type': 'command', 'command': "%s echo '%s'" % ('sleep 1.5;' if name == slow else '', json.dumps(change('echo run ' + name)))}
    api = Api([use('Bash', command='echo run')], [text('end')])
    c = Claude(v, api, '--settings', json.dumps({'hooks': {'PreToolUse': [{'matcher': 'Bash', 'hooks': [hook('first'), hook('second')]}]}})); c.turn('go'); c.close()
    return api.tool_results()[0]['content']
for v in ('2.1.332', '2.1.197'):
    print(v)
    for slow in ('first', 'second'):
        seen, out = callbacks(v, slow); print('   callbacks, %s answers last: they see %s, output %r' % (slow, seen, out))
        check(seen == [('first', 'echo run'), ('second', 'echo run')] and out == 'run ' + slow, 'both see the original, the last answer is run')
        out = commands(v, slow); print('   commands, %s is slower: output %r' % (slow, out)); check(out == 'run ' + slow, 'the same for commands')
done()
PY
PYTHONDONTWRITEBYTECODE=1 python3 "$WORK/drive.py"

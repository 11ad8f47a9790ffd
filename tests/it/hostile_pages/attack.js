// What a hostile page tries with a server on loopback, in a browser whose owner uses that server. It knows
// the server's address and the id of a session. `window.read` and `window.write` resolve to what the page saw
// of each attempt: 'failed', 'opaque', 'nothing', or what it could read.
'use strict';
(() => {
  const PATIENCE_MS = 4000;
  const JSON_TYPE = 'application/json';

  const late = () => new Promise((resolve) => setTimeout(() => resolve('nothing'), PATIENCE_MS));
  const seen = async (response) =>
    response.type === 'opaque' ? 'opaque' : `${response.status} ${(await response.text()).slice(0, 5000)}`;
  const tried = (attempt) => Promise.race([attempt().catch(() => 'failed'), late()]);

  const request = (url, options) => () => fetch(url, { credentials: 'include', ...options }).then(seen);

  const xhr = (method, url, type, body) => () => new Promise((resolve, reject) => {
    const asked = new XMLHttpRequest();
    asked.open(method, url);
    asked.withCredentials = true;
    if (type) asked.setRequestHeader('Content-Type', type);
    asked.onload = () => resolve(`${asked.status} ${asked.responseText.slice(0, 5000)}`);
    asked.onerror = reject;
    asked.send(body);
  });

  const eventSource = (url) => () => new Promise((resolve, reject) => {
    const source = new EventSource(url, { withCredentials: true });
    source.onmessage = (message) => { source.close(); resolve(`read ${message.data}`); };
    source.onerror = () => { source.close(); reject(); };
  });

  const webSocket = (url) => () => new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'));
    socket.onopen = () => resolve('open');
    socket.onmessage = (message) => resolve(`read ${message.data}`);
    socket.onerror = reject;
  });

  const script = (url) => () => new Promise((resolve, reject) => {
    const node = document.createElement('script');
    Object.assign(node, { src: url, onload: () => resolve('loaded'), onerror: reject });
    document.head.append(node);
  });

  const frame = (url) => () => new Promise((resolve) => {
    const node = document.createElement('iframe');
    node.onload = () => setTimeout(() => {
      let text = null;
      try { text = node.contentDocument && node.contentDocument.documentElement.innerText; } catch { text = null; }
      resolve(text ? `framed ${text}` : 'nothing');
    }, 300);
    node.src = url;
    document.body.append(node);
  });

  // A form whose text/plain body is JSON: its one field has the fields in its name.
  const form = (url, type, fields) => () => new Promise((resolve) => {
    const target = document.createElement('iframe');
    target.name = `frame${Math.random()}`;
    const node = document.createElement('form');
    Object.assign(node, { action: url, method: 'post', enctype: type, target: target.name });
    const pairs = type === 'text/plain'
      ? [[`${JSON.stringify(fields).slice(0, -1)}${Object.keys(fields).length ? ',' : ''}"x":"`, '"}']]
      : Object.entries(fields);
    for (const [name, value] of pairs) {
      const input = document.createElement('input');
      Object.assign(input, { name, value });
      node.append(input);
    }
    document.body.append(target, node);
    target.onload = () => resolve('nothing');
    node.submit();
  });

  // The same from a frame that has no origin, whose requests say `Origin: null`.
  const sandboxed = (url, body) => () => new Promise((resolve) => {
    const node = document.createElement('iframe');
    node.sandbox = 'allow-scripts allow-forms';
    const call = `fetch(${JSON.stringify(url)}, ${JSON.stringify({
      method: 'POST', mode: 'no-cors', credentials: 'include', body,
    })})`;
    node.srcdoc = `<script>${call}.finally(() => parent.postMessage('sent', '*'))<\/script>`;
    addEventListener('message', () => resolve('opaque'), { once: true });
    document.body.append(node);
  });

  const reads = (target, session) => {
    const events = `${target}/api/sessions/${session}/events`;
    const attempts = {
      'event source': eventSource(events),
      'web socket': webSocket(new URL(events, location.href).href),
      'script': script(`${target}/api/sessions`),
      'frame': frame(`${target}/`),
      'frame of the api': frame(`${target}/api/sessions`),
      'xhr': xhr('GET', `${target}/api/sessions`),
    };
    const export_ = `/api/sessions/${session}/export?format=markdown`;
    for (const path of ['/api/sessions', `/api/sessions/${session}`, export_, '/api/auth/me', '/api/status', '/']) {
      attempts[`fetch ${path.replace(session, 'ID')}`] = request(target + path);
      attempts[`no-cors ${path.replace(session, 'ID')}`] = request(target + path, { mode: 'no-cors' });
    }
    return attempts;
  };

  const writes = (target, session) => {
    const account = { username: 'mallory', password: 'a-long-enough-one' };
    const bodies = {
      '/api/sessions': { title: 'hacked' },
      '/api/task': { prompt: 'hacked' },
      [`/api/sessions/${session}/prompts`]: { prompt: 'hacked' },
      [`/api/sessions/${session}/fork`]: {},
      '/api/workspaces/trust': { working_dir: '.' },
      '/api/users/invites': { role: 'admin' },
      '/api/tenants': { name: 'hacked', working_dir: '.' },
      '/api/auth/register?cookie=true': account,
      '/api/auth/login?cookie=true': account,
      '/api/auth/logout': {},
    };
    const attempts = {};
    for (const [path, fields] of Object.entries(bodies)) {
      const [url, text, name] = [target + path, JSON.stringify(fields), path.replace(session, 'ID')];
      const form_ = new FormData();
      form_.append('body', new Blob([text], { type: JSON_TYPE }));
      const no_cors = (body, more) => request(url, { method: 'POST', mode: 'no-cors', body, ...more });
      Object.assign(attempts, {
        [`json ${name}`]: request(url, { method: 'POST', headers: { 'Content-Type': JSON_TYPE }, body: text }),
        [`text ${name}`]: no_cors(text),
        [`text without a referrer ${name}`]: no_cors(text, { referrerPolicy: 'no-referrer' }),
        [`urlencoded ${name}`]: no_cors(new URLSearchParams(fields)),
        [`multipart ${name}`]: no_cors(form_),
        [`untyped ${name}`]: no_cors(new Blob([text])),
        [`empty ${name}`]: no_cors(undefined),
        [`xhr text ${name}`]: xhr('POST', url, 'text/plain', text),
        [`xhr json ${name}`]: xhr('POST', url, JSON_TYPE, text),
        [`beacon ${name}`]: async () => (navigator.sendBeacon(url, text), 'nothing'),
        [`form text ${name}`]: form(url, 'text/plain', fields),
        [`form urlencoded ${name}`]: form(url, 'application/x-www-form-urlencoded', fields),
        [`form multipart ${name}`]: form(url, 'multipart/form-data', fields),
        [`sandboxed ${name}`]: sandboxed(url, text),
        [`sandboxed empty ${name}`]: sandboxed(url),
      });
    }
    const id = `${target}/api/sessions/${session}`;
    const body = JSON.stringify({ title: 'hacked' });
    attempts['patch'] = request(id, { method: 'PATCH', headers: { 'Content-Type': JSON_TYPE }, body });
    attempts['delete'] = request(`${target}/api/users/mallory`, { method: 'DELETE' });
    return attempts;
  };

  const run = async (attempts) => {
    const names = Object.keys(attempts);
    const saw = [];
    // A few at a time, as a browser has only so many connections to one host.
    for (let at = 0; at < names.length; at += 6) {
      saw.push(...await Promise.all(names.slice(at, at + 6).map((name) => tried(attempts[name]))));
    }
    return Object.fromEntries(names.map((name, index) => [name, saw[index]]));
  };

  window.read = (target, session) => run(reads(target, session));
  window.write = (target, session, part, parts) => {
    const attempts = Object.entries(writes(target, session));
    const length = Math.ceil(attempts.length / parts);
    return run(Object.fromEntries(attempts.slice(part * length, (part + 1) * length)));
  };
})();

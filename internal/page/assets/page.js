// The page of a session. Its data come from three places: the saves as a stream, the status after
// each change, and the output of the programs as a stream of JSON lines. All text goes into the
// page as text nodes.

const $ = id => document.getElementById(id);
const phases = ['detect', 'build', 'stop', 'start'];
const parts = ['detect', 'build', 'compile', 'link', 'stop', 'start']; // of the bar; build is what is neither compile nor link
const partOf = (save, p) => p === 'build' ? save.build_ms - save.compile_ms - save.link_ms : save[p + '_ms'];
const good = new Set(['live', 'same', 'reloaded', 'undone', 'idle']);
const bad = new Set(['failed', 'crashed']);
const quiet = new Set(['ignored', 'canceled', 'stopped', 'ended', 'restarted']);

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes ?? {})) {
    if (k === 'class') e.className = v;
    else if (k === 'on') for (const [type, f] of Object.entries(v)) e['on' + type] = f;
    else if (v !== undefined && v !== false) e.setAttribute(k, v === true ? '' : v);
  }
  e.append(...children.flat().filter(c => c !== undefined && c !== null && c !== ''));
  return e;
}

// update makes these the children of a node. Those that are there already stay, with the focus, the
// selection, and what is open or scrolled in them.
function update(parent, children) {
  const key = n => n.dataset?.key;
  const known = new Map([...parent.children].filter(key).map(n => [key(n), n]));
  let at = parent.firstChild;
  for (const child of children) {
    let old = key(child) ? known.get(key(child)) : at && !key(at) ? at : undefined;
    if (old?.nodeName !== child.nodeName) old = undefined;
    if (!old) {
      parent.insertBefore(child, at);
      continue;
    }
    if (old === at) at = at.nextSibling; else parent.insertBefore(old, at);
    if (old !== child) become(old, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// become makes a node that stays equal to a new one. Whether it is open is for the person to say.
function become(old, now) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== now.data) old.data = now.data;
    return;
  }
  for (const {name} of [...old.attributes]) if (name !== 'open' && !now.hasAttribute(name)) old.removeAttribute(name);
  for (const {name, value} of [...now.attributes]) {
    if (name === 'open' || old.getAttribute(name) === value) continue;
    if (name === 'style') old.style.cssText = value; // as an attribute, the page's policy refuses it
    else old.setAttribute(name, value);
  }
  for (const type of ['onclick', 'onchange', 'ontoggle']) old[type] = now[type];
  if (old.type === 'checkbox') old.checked = now.checked;
  update(old, [...now.childNodes]);
}

// linked are the parts of a text, of which some are places in the code.
const linked = parts => (parts ?? []).map(p => p.link ? el('a', {href: p.link, rel: 'noreferrer'}, p.text) : p.text);

const clock = at => new Date(at).toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false});
const time = ms => ms < 1000 ? ms + ' ms' : (ms / 1000).toFixed(ms < 10000 ? 2 : 1) + ' s';
const kind = state => good.has(state) ? 'good' : bad.has(state) ? 'bad' : quiet.has(state) ? 'none' : '';

// ---- what is known ------------------------------------------------------------

const saves = new Map();
let status = null, session, mayCommand; // undefined: not known yet

function relative(path) {
  const dir = status?.dir;
  return dir && path.startsWith(dir) && /[/\\]/.test(path[dir.length]) ? path.slice(dir.length + 1) : path;
}

// ---- services -----------------------------------------------------------------

async function command(name, service) {
  const answer = await fetch(`api/${name}?service=${encodeURIComponent(service)}`, {method: 'POST'});
  if (!answer.ok) $('connection').textContent = await answer.text();
  refresh();
}

// used is what a program takes of the machine. Its part of a CPU needs two answers.
const samples = new Map();
function used(s) {
  if (!s.usage) return '';
  const now = performance.now(), cpu = s.usage.cpu_ms;
  let last = samples.get(s.service);
  if (last?.pid !== s.pid) samples.set(s.service, last = {pid: s.pid, cpu, at: now, percent: undefined});
  if (now - last.at > 1500) {
    last.percent = Math.max(0, Math.round(100 * (cpu - last.cpu) / (now - last.at)));
    Object.assign(last, {cpu, at: now});
  }
  const memory = s.usage.memory_bytes / (1 << 20);
  return (last.percent === undefined ? '' : `${last.percent} % CPU, `) + `${memory < 10 ? memory.toFixed(1) : Math.round(memory)} MB`;
}

const count = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;

function drawServices() {
  $('readonly').hidden = mayCommand !== false;
  $('session').textContent = `${status.version} in ${status.dir}, pid ${status.pid}` + (status.paused ? ', paused' : '');
  update($('services'), status.services.map(s => {
    const button = (name, text) => el('button', {disabled: !mayCommand, on: {click: () => command(name, s.service)}}, text);
    const facts = [
      s.stale && s.pid ? 'older than the last save' : '',
      s.pid ? `pid ${s.pid}` : '', s.pid && s.since ? `since ${clock(s.since)}` : '', s.running ? `generation ${s.running}` : '',
      s.engine ? `${s.engine} engine` : '', s.waits_for ? `waits for ${s.waits_for}` : '',
    ].filter(Boolean).join(', ');
    return el('div', {class: 'service', 'data-key': s.service, 'data-service': s.service},
      el('span', {class: 'name'}, s.service),
      el('span', {class: 'state ' + (s.stale && s.state === 'live' ? '' : kind(s.state))}, s.paused ? s.state + ', paused' : s.state),
      el('span', {class: 'facts'},
        el('span', {class: 'soft'}, facts),
        s.proxy_url ? el('a', {href: s.proxy_url, rel: 'noreferrer'}, s.proxy_url) : '',
        s.console ? el('span', {class: 'state bad'}, count(s.console.length, 'error') + ' in the browser') : ''),
      el('span', {class: 'used soft', title: 'of all processes of the program'}, used(s)),
      el('span', {class: 'buttons'},
        button('restart', 'Restart'), button('rebuild', 'Rebuild'),
        s.paused || status.paused ? button('resume', 'Resume') : button('pause', 'Pause'), button('stop', 'Stop')),
      s.error ? el('div', {class: 'message'}, s.error) : '');
  }));
  const select = $('log-service'), names = status.services.map(s => s.service);
  for (const name of names) {
    if (![...select.options].some(o => o.value === name)) select.append(el('option', {value: name}, name));
  }
  select.hidden = names.length < 2;
}

// once lets one call run at a time, and once more if it was asked for in between.
function once(f) {
  let running = false, again = false;
  return async function run() {
    if (running) return void (again = true);
    running = true;
    try { await f(); } catch { /* the stream says that the session is gone */ }
    running = false;
    if (again) { again = false; run(); }
  };
}

const refresh = once(async () => {
  const answer = await fetch('api/status');
  if (!answer.ok) return;
  const several = status?.services.length > 1;
  status = await answer.json();
  drawServices();
  if (several !== status.services.length > 1) drawSaves(true);
});

// What the programs use changes without an event. It is asked for only while somebody can see it.
setInterval(() => { if (document.visibilityState === 'visible') refresh(); }, 2000);
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') refresh(); });

// ---- saves --------------------------------------------------------------------

const duration = save => phases.reduce((sum, p) => sum + save[p + '_ms'], 0);

function bar(save) {
  if (!duration(save)) return '';
  const known = parts.filter(p => partOf(save, p));
  return el('div', {class: 'bar', role: 'img', 'aria-label': known.map(p => `${p} ${time(partOf(save, p))}`).join(', ')},
    known.map(p => {
      const part = el('span', {class: p, title: `${p} ${time(partOf(save, p))}`});
      part.style.width = `calc(100% * ${partOf(save, p)} / max(var(--longest), ${duration(save)}))`;
      return part;
    }));
}

// place is where something is, as a link if it is in the project.
function place({file, line, column, link}) {
  if (!file) return '';
  const text = relative(file) + (line ? `:${line}` : '') + (column ? `:${column}` : '');
  return el('code', {}, link ? el('a', {href: link, rel: 'noreferrer'}, text) : text);
}

function frame(diagnostic) {
  return [
    el('div', {class: 'message'}, place(diagnostic), ' ', diagnostic.message),
    diagnostic.frame?.length ? el('pre', {class: 'frame', tabindex: 0}, diagnostic.frame.map(l =>
      el('span', {class: l.Number === diagnostic.line ? 'hit' : ''}, `${String(l.Number).padStart(5)} | ${l.Text}\n`))) : '',
  ];
}

const levels = {error: 'console.error', uncaught: 'uncaught', rejection: 'unhandled rejection'};

function consoleErrors(save) {
  if (!save.console) return '';
  return [
    el('h3', {}, 'In the browser'),
    el('ul', {class: 'console'}, save.console.map(c => el('li', {}, el('span', {class: 'soft'}, levels[c.level] ?? c.level), ' ', place(c), ' ', c.text))),
    save.more_console ? el('p', {class: 'soft'}, `and ${save.more_console} more`) : '',
  ];
}

function row(save) {
  const paths = save.paths.map(relative).join(', ') + (save.more ? ` and ${save.more} more` : '');
  const total = save.state === 'live' || save.state === 'reloaded' ? save.latency_ms : save.build_ms;
  const errors = (save.console?.length ?? 0) + (save.more_console ?? 0);
  const details = [
    save.why ? el('p', {class: 'soft'}, `${save.effect}: ${save.why}`) : '',
    save.error ? el('p', {class: 'message'}, linked(save.error)) : '',
    save.hint ? el('p', {class: 'soft'}, `hint: ${save.hint}`) : '',
    (save.diagnostics ?? []).flatMap(frame),
    save.output && !(save.diagnostics && save.state === 'failed') ? el('pre', {class: 'stack', tabindex: 0}, linked(save.output)) : '',
    total ? el('p', {class: 'soft'}, phases.filter(p => save[p + '_ms']).map(p => `${p} ${time(save[p + '_ms'])}` +
      (p === 'build' && save.link_ms ? ` (compile ${time(save.compile_ms)}, link ${time(save.link_ms)})` : '')).join(' + ') +
      (save.engine ? `, ${save.engine} engine` : '') + (save.fallback ? ` (${save.fallback})` : '') + (save.clients ? `, tabs of ${save.clients === 1 ? "1 browser" : save.clients + " browsers"}` : '')) : '',
    consoleErrors(save),
  ];
  return el('li', {class: 'save', 'data-key': save.id, 'data-id': save.id, 'data-state': save.state}, el('details', {},
    el('summary', {},
      el('span', {class: 'mono soft'}, clock(save.at)),
      el('span', {class: 'state ' + kind(save.state)}, save.state),
      status?.services.length > 1 && save.service ? el('span', {class: 'soft'}, save.service) : '',
      el('span', {class: 'paths'}, paths || 'no file: started or restarted'),
      errors ? el('span', {class: 'state bad'}, count(errors, 'error') + ' in the browser') : '',
      el('span', {class: 'total'}, total ? time(total) : '')),
    ...details), bar(save));
}

// rows are the elements of the saves; each is made again when its save has changed.
const rows = new Map();
let opened = null; // the row that was opened because something is wrong

function drawSaves(all) {
  const shown = [...saves.values()].filter(s => s.state !== 'ignored' || $('ignored').checked).sort((a, b) => b.id - a.id);
  // The first build, with an empty cache, would make all other bars too short to see.
  $('saves').style.setProperty('--longest', Math.max(1, ...shown.filter(s => s.paths.length).map(duration)));
  $('empty').hidden = shown.length > 0;
  update($('saves'), shown.map(s => {
    const known = rows.get(s.id);
    if (known?.seq === s.seq && !all) return known.element;
    const element = row(s);
    if (known) become(known.element, element);
    rows.set(s.id, {seq: s.seq, element: known?.element ?? element});
    return rows.get(s.id).element;
  }));
  for (const id of [...rows.keys()]) if (!saves.has(id)) rows.delete(id);
  const newest = shown[0], wrong = newest && (bad.has(newest.state) || newest.console) ? newest.id : null;
  if (opened !== null && opened !== newest?.id) {
    const old = rows.get(opened)?.element.querySelector('details');
    if (old) old.open = false;
    opened = null;
  }
  if (wrong !== null && opened !== wrong) {
    rows.get(wrong).element.querySelector('details').open = true;
    opened = wrong;
  }
}

function listen() {
  const stream = new EventSource('saves');
  stream.onmessage = e => {
    const data = JSON.parse(e.data);
    if (session !== undefined && session !== data.session) return location.reload(); // another one has the address now
    session = data.session;
    if (mayCommand !== data.may) {
      mayCommand = data.may;
      if (status) drawServices();
    }
    for (const s of data.saves) saves.set(s.id, s);
    while (saves.size > 200) saves.delete(Math.min(...saves.keys()));
    $('connection').textContent = '';
    if (mayCommand) loadRequests();
    if (!data.saves.length) return;
    drawSaves();
    refresh();
  };
  stream.onerror = () => {
    $('connection').textContent = 'the session has ended';
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
  };
}

// ---- requests -----------------------------------------------------------------

const details = new Map(); // of requests that are open
let requests = [];

const loadRequests = once(async () => {
  const answer = await fetch('api/requests');
  if (!answer.ok) return;
  const list = await answer.json();
  requests = list.requests;
  $('requests-section').hidden = !list.inspect && !requests.length;
  for (const id of [...details.keys()]) {
    const one = await fetch(`api/requests/${id}`);
    if (one.ok) details.set(id, await one.json()); else details.delete(id);
  }
  drawRequests();
});

async function requestCommand(id, name) {
  const answer = await fetch(`api/requests/${id}/${name}`, {method: 'POST'});
  if (!answer.ok) $('connection').textContent = (await answer.json().catch(() => ({}))).error ?? 'refused';
  loadRequests();
}

function message(title, m) {
  const size = m.size ? `${m.size} bytes` + (m.binary ? ', no text' : '') + (m.cut ? ', only the beginning is kept' : '') : '';
  return [
    el('h3', {}, title),
    m.headers.length ? el('pre', {}, m.headers.map(h => `${h.name}: ${h.value}\n`)) : '',
    m.body ? el('pre', {class: 'body'}, m.body) : '', size ? el('p', {class: 'soft'}, size) : '',
  ];
}

function replayText(r) {
  if (!r) return '';
  if (r.error) return r.error;
  return `again at ${clock(r.at)}: ${r.status}, ${r.same ? 'the same answer' : 'a different answer'}`;
}

function requestRow(s) {
  const d = details.get(s.id), r = d?.replay ?? s.replay;
  const head = el('summary', {},
    el('span', {class: 'mono soft'}, clock(s.at)),
    el('span', {class: 'mono'}, s.method),
    el('span', {class: 'paths mono'}, s.path),
    el('span', {class: 'state ' + (s.status >= 500 || !s.status ? 'bad' : s.status >= 400 ? '' : 'good')}, s.status || 'no answer'),
    status?.services.length > 1 ? el('span', {class: 'soft'}, s.service) : '',
    s.repeat ? el('span', {class: 'soft'}, 'after every save') : '',
    r ? el('span', {class: 'replay state ' + (r.error ? 'bad' : r.same ? 'none' : '')}, replayText(r)) : '',
    s.held_ms ? el('span', {class: 'soft'}, `held for ${time(s.held_ms)}`) : '',
    el('span', {class: 'total'}, time(s.duration_ms)));
  const repeat = el('input', {type: 'checkbox', disabled: !!s.no_replay, on: {change: e => requestCommand(s.id, `repeat?on=${e.target.checked}`)}});
  repeat.checked = s.repeat;
  const body = !d ? [] : [
    s.no_replay ? el('p', {class: 'soft'}, `It cannot be sent again: ${s.no_replay}.`) : el('div', {class: 'filter'},
      el('button', {class: 'again', on: {click: () => requestCommand(s.id, 'replay')}}, 'Replay'),
      el('label', {}, repeat, ' replay after every save')),
    r?.difference ? el('pre', {class: 'diff'}, r.difference.trimEnd().split('\n').map(l =>
      el('span', {class: l[0] === '+' ? 'added' : l[0] === '-' ? 'removed' : ''}, l + '\n'))) : '',
    ...message(`Request to ${d.host}`, d.request),
    ...message(d.generation ? `Answer from generation ${d.generation}` : 'Answer from hotreload', d.answer),
    ...(d.replayed ? message(`Answer from generation ${d.replay.generation}`, d.replayed) : []),
  ];
  const toggle = e => {
    const open = e.target.open;
    if (open === details.has(s.id)) return;
    if (open) details.set(s.id, null); else details.delete(s.id);
    loadRequests();
  };
  const box = el('details', {open: details.has(s.id), on: {toggle}}, head, ...body);
  return el('li', {class: 'save request', 'data-key': s.id, 'data-id': s.id}, box);
}

function drawRequests() {
  $('no-requests').hidden = requests.length > 0;
  update($('requests'), requests.map(requestRow));
}

// ---- output -------------------------------------------------------------------

const maxPieces = 2000;
let reading = null;

function matches(text) {
  const q = $('log-search').value.toLowerCase();
  return !q || text.toLowerCase().includes(q);
}

const plain = text => text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, '');

// linesOf cuts the parts of a text at the ends of lines.
function linesOf(parts) {
  const lines = [[]];
  for (const {text, link} of parts) {
    for (const piece of text.split(/(?<=\n)/)) {
      lines.at(-1).push({text: piece, link});
      if (piece.endsWith('\n')) lines.push([]);
    }
  }
  return lines.filter(l => l.length);
}

let generation = {};
function write(piece) {
  const logs = $('logs'), stay = $('log-follow').checked;
  const several = status?.services.length > 1;
  if (generation[piece.service] !== piece.generation) {
    generation[piece.service] = piece.generation;
    logs.append(el('span', {class: 'mark'}, `${piece.service}, generation ${piece.generation}, ${clock(piece.time)}`));
  }
  for (const line of linesOf(piece.parts ?? [{text: plain(piece.text)}])) {
    const text = line.map(p => p.text).join('');
    logs.append(el('span', {class: piece.stream + (matches(text) ? '' : ' hidden')}, several ? `${piece.service} | ` : '', linked(line)));
  }
  while (logs.childElementCount > maxPieces) logs.firstElementChild.remove();
  if (stay) logs.scrollTop = logs.scrollHeight;
}

async function readLogs() {
  reading?.abort();
  const abort = reading = new AbortController();
  $('logs').replaceChildren();
  generation = {};
  try {
    const service = $('log-service').value;
    const answer = await fetch(`api/logs?follow=1&links=1&lines=500&service=${encodeURIComponent(service)}`, {signal: abort.signal});
    if (!answer.ok) throw new Error(await answer.text());
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ''; ;) {
      const {done, value} = await reader.read();
      if (done) break;
      const lines = (rest + value).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line) write(JSON.parse(line));
    }
  } catch { /* ended, or another service was chosen */ }
  if (!abort.signal.aborted) setTimeout(readLogs, 2000);
}

$('log-service').addEventListener('change', readLogs);
$('log-search').addEventListener('input', () => {
  for (const line of $('logs').children) {
    if (line.className !== 'mark') line.classList.toggle('hidden', !matches(line.textContent));
  }
});
$('ignored').addEventListener('change', () => drawSaves());

// A click on a place that a command opens in the editor.
document.addEventListener('click', async e => {
  const link = e.target.closest('a'), to = link?.getAttribute('href') ?? '';
  if (!to.startsWith('/__hotreload/edit/')) return;
  e.preventDefault();
  try {
    const answer = await fetch(to, {method: 'POST'});
    $('connection').textContent = answer.ok ? '' : await answer.text();
  } catch (why) {
    $('connection').textContent = String(why);
  }
});

await refresh();
listen();
readLogs();

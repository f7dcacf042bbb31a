// What goes wrong in the page is reported to hotreload, which prints it: console.error, errors that
// nothing catches, and promises that are rejected and not handled. The same one is reported once.
(function () {
  'use strict';
  const me = document.currentScript;
  const key = Symbol.for('hotreload console');
  if (!me || !('console' in me.dataset) || window[key]) return;
  const page = window[key] = {version: me.dataset.page}; // as which version of the page to report

  const most = 200, longest = 2000, together = 5, size = 200; // reports, their characters, those of one request, parts of an object
  const post = window.fetch.bind(window), later = window.setTimeout.bind(window), print = console.error; // as they are before the page changes them
  const seen = new Set();
  const waiting = [];
  let sending = false;

  function report(level, text, [file, line]) {
    // Extensions are not of the page, and this one is noise that no console shows.
    if (/^[a-z-]+-extension:/.test(file) || text.startsWith('ResizeObserver loop')) return;
    text = text.slice(0, longest);
    const name = [level, text, file, line].join('\n');
    if (seen.has(name) || seen.size >= most) return;
    seen.add(name);
    waiting.push({level, text, file, line});
    if (!sending) later(send, 50);
    sending = true;
  }

  function send() {
    sending = waiting.length > together;
    if (sending) later(send, 50);
    if (!waiting.length) return;
    const body = JSON.stringify(waiting.splice(0, together));
    post('/__hotreload/console?page=' + encodeURIComponent(page.version), {method: 'POST', headers: {'Content-Type': 'application/json'}, body, keepalive: true}).catch(() => {});
  }

  // place is the first place in a stack that is not in this script.
  function place(stack) {
    for (const line of String(stack || '').split('\n')) {
      const at = /(https?:\/\/[^\s()]+?):(\d+)(?::\d+)?\)?$/.exec(line.trim());
      if (at && !at[1].startsWith(location.origin + '/__hotreload/')) return [at[1], Number(at[2])];
    }
    return ['', 0];
  }

  function show(v) {
    if (typeof v === 'string') return v;
    if (v instanceof Error) return String(v);
    if (v instanceof Element) return '<' + v.localName + (v.id ? '#' + v.id : '') + '>';
    if (typeof v === 'object' && v) {
      try {
        let parts = 0;
        return JSON.stringify(v, (_, value) => {
          if (++parts > size) throw new Error('too large');
          return value;
        }) ?? String(v);
      } catch { // too large, or it contains itself
        return Object.prototype.toString.call(v);
      }
    }
    return String(v);
  }

  // format is what the console makes of the arguments.
  function format(args) {
    const rest = [...args], out = [];
    if (typeof rest[0] === 'string') {
      out.push(rest.shift().replace(/%([sdifoOc%])/g, (all, kind) => {
        if (kind === '%') return '%';
        if (!rest.length) return all;
        const text = show(rest.shift());
        return kind === 'c' ? '' : text;
      }));
    }
    return [...out, ...rest.map(show)].join(' ');
  }

  console.error = function (...args) {
    try {
      const error = args.find(a => a instanceof Error);
      report('error', format(args), place((error || new Error()).stack));
    } catch { /* the page goes on */ }
    return print.apply(console, args);
  };

  // When all have seen the event: what the page handles itself is not in the browser's console either.
  const unhandled = (e, f) => later(() => {
    try {
      if (!e.defaultPrevented) f();
    } catch { /* the page goes on */ }
  }, 0);
  addEventListener('error', e => e.message && unhandled(e, () =>
    report('uncaught', String(e.message).replace(/^Uncaught /, ''), [e.filename || '', e.lineno || 0])));
  addEventListener('unhandledrejection', e => unhandled(e, () =>
    report('rejection', show(e.reason), place(e.reason && e.reason.stack))));
  // A browser that leaves the page breaks its connections at the end, which is no news.
  let leaving = false;
  const flush = () => {
    while (waiting.length) send();
  };
  addEventListener('beforeunload', () => {
    flush();
    leaving = true;
  });
  addEventListener('pagehide', () => {
    if (leaving) waiting.length = 0;
    flush();
    leaving = false;
  });
})();

// hotreload in the page: loads it anew when the program is, swaps style sheets
// and images in place, and shows what is wrong. The proxy puts this script into
// HTML documents; it leaves nothing behind in the page but, while there is
// something to say, one element with a shadow root.
(function () {
  'use strict';
  const me = document.currentScript;
  const key = Symbol.for('hotreload');
  if (!me || window[key]) return;
  window[key] = true;

  const here = {page: me.dataset.page, css: Number(me.dataset.css), method: me.dataset.method || 'GET'};
  // A page of the proxy itself is nothing but the overlay, and may have something
  // to say that is no state.
  const solid = 'own' in me.dataset, extra = me.dataset.extra || '';
  const own = me.dataset.report ? JSON.parse(me.dataset.report) : null;
  const noWorker = 'noworker' in me.dataset;
  me.remove();
  if (framed()) return; // the outer page shows and loads for this one too
  let state = {session: '', seq: -1, status: '', trouble: null}; // nothing is known yet

  // ---- what there is to know -------------------------------------------------

  function framed() {
    try {
      return window.top !== window && window.top[key] === true;
    } catch { // another origin
      return false;
    }
  }

  function apply(s) {
    if (s.session === state.session && s.seq <= state.seq) return;
    state = s;
    follow();
  }

  function follow() {
    const s = state, version = s.session + '.' + s.page;
    if (s.answers && (s.status === 'live' || s.status === 'broken') && here.page !== version && !leaving() && !asking()) {
      if (here.method === 'GET') {
        if (reload(version)) return;
      } else {
        here.outdated = true; // loading it anew would send a form again
      }
      const reports = window[Symbol.for('hotreload console')];
      if (reports) reports.version = version; // this page stays: what goes wrong in it counts
    }
    if (s.css !== here.css && s.page === Number(here.page.split('.')[1])) {
      swap(s.css === here.css + 1 ? s.files : null);
      here.css = s.css;
    }
    draw();
  }

  // A link that was clicked or a form that was sent during the build waits for the new program, too. Its
  // answer comes now: loading this page again would break it off. If none comes in 3 s (a download, the
  // button Stop), the page stays, and is loaded again.
  let left = 0, answered = 0;
  function leaving() {
    const now = Date.now();
    if (now - left < 60000) {
      left = 0;
      answered = now + 3000;
      setTimeout(follow, 3001);
    }
    return now < answered;
  }
  addEventListener('beforeunload', () => left = Date.now());
  if (window.navigation) navigation.addEventListener('navigateerror', () => {
    left = answered = 0;
    follow();
  });

  // A click that htmx answers may have waited for the new program, too. Its answer comes now and may lead to
  // another page, which is then the one to load. What takes longer than 1 s is broken off.
  let asked = 0;
  function asking() {
    if (!document.querySelector('.htmx-request')) {
      asked = 0;
      return false;
    }
    const now = Date.now();
    if (!asked) asked = now;
    if (now - asked >= 1000) return false;
    setTimeout(follow, 50);
    return true;
  }

  function listen() {
    let port = null, source = null, wait = 500;
    const direct = () => {
      if (source) return;
      try {
        source = new EventSource('/__hotreload/events');
      } catch {
        return;
      }
      source.onmessage = e => apply(JSON.parse(e.data));
      source.onerror = () => {
        if (source && source.readyState === EventSource.CLOSED) {
          source = null;
          setTimeout(direct, wait = Math.min(wait * 2, 30000)); // each refused attempt is a line in the console
        }
      };
    };
    if (noWorker) {
      direct();
    } else try {
      const worker = new SharedWorker('/__hotreload/worker.js', 'hotreload');
      worker.onerror = direct; // refused by the page's policy
      port = worker.port;
      port.onmessage = e => apply(JSON.parse(e.data));
    } catch { // no shared workers here
      direct();
    }
    addEventListener('pagehide', () => {
      if (port) port.postMessage('bye');
      if (source) source.close();
      // Back from the browser's cache of pages: whatever was missed is in the first state.
      addEventListener('pageshow', e => e.persisted && listen(), {once: true});
    }, {once: true});
  }

  // ---- memory across loads ---------------------------------------------------

  function recall(name) {
    try {
      return JSON.parse(sessionStorage.getItem('hotreload:' + name));
    } catch {
      return null;
    }
  }

  function keep(name, value) {
    try {
      if (value === null) sessionStorage.removeItem('hotreload:' + name);
      else sessionStorage.setItem('hotreload:' + name, JSON.stringify(value));
    } catch { /* not allowed here */ }
  }

  // htmx keeps copies of pages for the button Back. Those from before a save would show what is no more.
  function forget() {
    if (recall('page') === here.page) return;
    keep('page', here.page);
    for (const store of ['sessionStorage', 'localStorage']) {
      try {
        for (const name of Object.keys(window[store])) if (name.startsWith('htmx-history-')) window[store].removeItem(name);
      } catch { /* not allowed here */ }
    }
  }

  // ---- load anew, at the same place ------------------------------------------

  function reload(version) {
    const step = version + ' ' + location.href;
    // A page out of some cache claims to be as old as the copy there, forever: once is enough.
    if (here.page !== 'waiting' && recall('step') === step) {
      here.page = version;
      return false;
    }
    keep('step', step);
    const inner = [];
    for (const e of document.querySelectorAll('body *')) {
      if ((e.scrollTop || e.scrollLeft) && inner.length < 20) inner.push([pathOf(e), e.scrollLeft, e.scrollTop]);
    }
    keep('scroll', {url: location.href, at: Date.now(), x: scrollX, y: scrollY, inner, entered: entered()});
    location.reload();
    return true;
  }

  // ---- what was entered: kept over a load, and never what is secret ------------

  const never = /^(password|file|hidden|submit|button|image|reset)$/;
  const secret = /(^|\s)(cc-\S+|current-password|new-password|one-time-code)(\s|$)/;
  const entries = 500, entryLength = 100000; // at most, and characters in all

  // place names an element: by its id, else by its name and its position among those of the name.
  function place(e) {
    const same = selector => [...document.querySelectorAll(selector)].indexOf(e);
    if (e.id) return '#' + e.id;
    const name = e.getAttribute('name');
    const kind = e.localName + (name ? '[name="' + CSS.escape(name) + '"]' : '');
    return kind + '@' + same(kind);
  }

  function placed(name) {
    if (name[0] === '#') return document.getElementById(name.slice(1));
    const at = name.lastIndexOf('@');
    return document.querySelectorAll(name.slice(0, at))[Number(name.slice(at + 1))];
  }

  const isField = e => e.matches('input, textarea, select') && !never.test(e.type) &&
    !secret.test((e.getAttribute('autocomplete') || '').toLowerCase());
  const visible = e => e.getClientRects().length > 0;
  const isCheck = e => e.type === 'checkbox' || e.type === 'radio';

  // stateOf is what was entered into a field, null if it is as the page came.
  function stateOf(e) {
    if (isCheck(e)) return e.checked !== e.defaultChecked ? e.checked : null;
    if (e.localName !== 'select') return e.value !== e.defaultValue ? e.value : null;
    const chosen = [...e.options].filter(o => o.selected).map(o => o.value);
    const usual = [...e.options].filter(o => o.defaultSelected).map(o => o.value);
    if (!usual.length && !e.multiple && e.options.length) usual.push(e.options[0].value);
    return JSON.stringify(chosen) !== JSON.stringify(usual) ? chosen : null;
  }

  function entered() {
    const out = {fields: [], details: []};
    let room = entryLength;
    for (const e of document.querySelectorAll('input, textarea, select')) {
      if (out.fields.length >= entries || !isField(e) || !visible(e)) continue;
      const value = stateOf(e);
      if (value === null || (room -= String(value).length) < 0) continue;
      out.fields.push([place(e), e.type, value]);
    }
    for (const e of document.querySelectorAll('details')) if (out.details.length < entries) out.details.push([place(e), e.open]);
    const focus = document.activeElement;
    if (focus && focus !== document.body && focus !== host) {
      out.focus = place(focus);
      try {
        out.selection = isField(focus) && [focus.selectionStart, focus.selectionEnd];
      } catch { /* a field without a selection */ }
    }
    return out;
  }

  function reenter(was) {
    for (const [name, open] of was.details || []) {
      const e = placed(name);
      if (e && e.localName === 'details') e.open = open;
    }
    for (const [name, type, value] of was.fields || []) {
      const e = placed(name);
      // Another field by now, or somebody was quicker.
      if (!e || e.type !== type || !isField(e) || !isCheck(e) && stateOf(e) !== null) continue;
      if (isCheck(e)) e.checked = value;
      else if (e.localName === 'select') for (const o of e.options) o.selected = value.includes(o.value);
      else e.value = value;
    }
    const e = was.focus && placed(was.focus), now = document.activeElement;
    if (!e || now && now !== document.body && !now.autofocus) return;
    e.focus({preventScroll: true});
    try {
      if (was.selection) e.setSelectionRange(was.selection[0], was.selection[1]);
    } catch { /* a field without a selection */ }
  }

  function pathOf(e) {
    const path = [];
    for (; e && e !== document.documentElement; e = e.parentElement) {
      if (e.id) {
        path.unshift('#' + CSS.escape(e.id));
        break;
      }
      path.unshift(e.localName + ':nth-child(' + ([...e.parentElement.children].indexOf(e) + 1) + ')');
    }
    return path.join(' > ');
  }

  function restore() {
    const was = recall('scroll');
    keep('scroll', null);
    if (!was || was.url !== location.href || Date.now() - was.at > 30000) return;
    const putBack = () => reenter(was.entered || {});
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', putBack, {once: true});
    else putBack();
    let done = false;
    const stop = () => done = true;
    for (const name of ['wheel', 'touchstart', 'keydown', 'pointerdown']) addEventListener(name, stop, {once: true, passive: true});
    const to = {behavior: 'instant'};
    const put = () => {
      if (done) return;
      scrollTo({left: was.x, top: was.y, ...to});
      for (const [path, left, top] of was.inner) {
        try {
          const e = document.querySelector(path);
          if (e) e.scrollTo({left, top, ...to});
        } catch { /* the page is another one now */ }
      }
    };
    // What is loaded late makes the page longer: try again while it grows.
    const end = Date.now() + 1500;
    const again = () => {
      put();
      if (!done && Date.now() < end && (Math.abs(scrollY - was.y) > 1 || document.readyState !== 'complete')) setTimeout(again, 50);
    };
    if (document.readyState === 'loading') addEventListener('DOMContentLoaded', again, {once: true});
    else again();
    addEventListener('load', put, {once: true});
  }

  // ---- style sheets and images, in place -------------------------------------

  const image = /\.(png|jpe?g|gif|svg|webp|avif|ico|bmp)$/i;

  function fresh(href, base) {
    const u = new URL(href, base);
    u.searchParams.set('hotreload', state.session + '.' + state.css);
    return u.href;
  }

  const ours = (href, base) => {
    try {
      return new URL(href, base).origin === location.origin;
    } catch {
      return false;
    }
  };

  // refetch makes the browser's cache forget what it has of a URL that the page
  // cannot be told to spell differently.
  const refetch = href => fetch(href, {cache: 'reload', credentials: 'same-origin', mode: 'no-cors'}).catch(() => {});

  function inside(sheet, found) { // what a sheet imports and shows
    let rules = [];
    try {
      rules = sheet.cssRules;
    } catch { /* another origin */ }
    const walk = list => {
      for (const rule of list) {
        if (rule.styleSheet) {
          const href = new URL(rule.href, sheet.href || sheet.ownerNode.baseURI).href;
          if (ours(href) && !found.includes(href)) {
            found.push(href);
            inside(rule.styleSheet, found);
          }
        } else if (rule.cssRules) {
          walk(rule.cssRules);
        }
      }
    };
    walk(rules);
    return found;
  }

  const coming = new Map(); // style sheets that the browser has not got yet, and the ones that they replace

  // documents are this one and those in frames, whose own scripts leave it to the outer page.
  function documents(of = window) {
    const out = [of.document];
    if (window.top !== window) return out;
    for (let i = 0; i < of.frames.length; i++) {
      try {
        out.push(...documents(of.frames[i]));
      } catch { /* another origin */ }
    }
    return out;
  }

  function swap(files) {
    for (const doc of documents()) swapIn(doc, files);
  }

  function swapIn(doc, files) {
    const images = files ? files.filter(f => image.test(f)) : null, base = doc.baseURI;
    const shown = href => ours(href, base) && (!images || images.includes(decodeURIComponent(new URL(href, base).pathname.split('/').pop())));
    if (!images || images.length) {
      for (const e of doc.querySelectorAll('img[src], input[type=image][src], source[srcset], img[srcset], link[rel~=icon][href]')) {
        for (const name of ['src', 'href']) {
          const value = e.getAttribute(name);
          if (value && !value.startsWith('data:') && shown(value)) e.setAttribute(name, fresh(value, base));
        }
        const set = e.getAttribute('srcset');
        if (set && !set.includes('data:')) {
          e.setAttribute('srcset', set.split(/,\s+/).map(part => {
            const [href, size] = part.trim().split(/\s+/);
            return (shown(href) ? fresh(href, base) : href) + (size ? ' ' + size : '');
          }).join(', '));
        }
      }
    }
    // Images that style sheets show have no element: refresh the cache first.
    const stale = [];
    if (images && images.length) {
      for (const entry of doc.defaultView.performance.getEntriesByType('resource')) {
        if (entry.initiatorType === 'css' && shown(entry.name)) stale.push(entry.name);
      }
    }
    for (const link of doc.querySelectorAll('link[rel~=stylesheet][href]')) {
      if (!ours(link.href) || coming.has(link)) continue;
      const again = link.sheet ? inside(link.sheet, []) : [];
      Promise.all([...stale, ...again].map(refetch)).then(() => {
        if (!link.isConnected) return;
        for (const [next, old] of coming) if (old === link) next.onerror(); // a save came before it was there
        const next = link.cloneNode();
        next.href = fresh(link.href, base);
        // The old one goes when the new one is there: nothing flashes.
        next.onload = () => coming.delete(next) && link.remove();
        next.onerror = () => coming.delete(next) && next.remove();
        coming.set(next, link);
        link.after(next);
      });
    }
    for (const style of doc.querySelectorAll('style')) {
      const again = style.sheet ? inside(style.sheet, []) : [];
      if (again.length) Promise.all(again.map(refetch)).then(() => style.isConnected && style.replaceWith(style.cloneNode(true)));
    }
  }

  // ---- what is shown ----------------------------------------------------------

  const sheet = `
:host {
  all: initial !important; position: fixed !important; inset: 0 !important; z-index: 2147483647 !important;
  display: block !important; width: auto !important; height: auto !important; margin: 0 !important; padding: 0 !important;
  border: 0 !important; background: none !important; overflow: visible !important; pointer-events: none !important;
  color-scheme: light dark !important;
}
* { box-sizing: border-box; }
.root {
  --bg: #ffffff; --raised: #f5f6f8; --line: #dfe3e8; --text: #1c2128; --soft: #5a6472; --red: #c4242b; --red-bg: #fdecec;
  --link: #0b62c4; --mark: #fff1f1; --shade: rgb(30 34 42 / .48); --focus: #0b62c4; --amber: #8a5a00; --amber-bg: #fff4d9;
  --keyword: #8430a8; --string: #146c2e; --number: #9a4b00;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: var(--text);
  -webkit-text-size-adjust: 100%; text-align: start;
}
@media (prefers-color-scheme: dark) {
  .root {
    --bg: #16191f; --raised: #1e222a; --line: #323843; --text: #e8ebf0; --soft: #a2acba; --red: #ff8087; --red-bg: #3c1d21;
    --link: #7db7ff; --mark: #38201f; --shade: rgb(0 0 0 / .62); --focus: #7db7ff; --amber: #f2c25c; --amber-bg: #3a2e12;
    --keyword: #d8a0ff; --string: #8fd49b; --number: #f0b27a;
  }
}
.shade { position: fixed; inset: 0; overflow: auto; overscroll-behavior: contain; background: var(--shade); padding: 5vh 24px 72px; pointer-events: auto; }
.solid { background: var(--raised); }
.panel {
  max-width: 920px; margin: 0 auto; background: var(--bg); border: 1px solid var(--line); border-top: 4px solid var(--red);
  border-radius: 10px; box-shadow: 0 24px 64px rgb(0 0 0 / .35); outline: none; overflow: hidden;
}
.calm { border-top-color: var(--amber); }
header { display: flex; gap: 12px; align-items: center; padding: 18px 24px 0; }
h1 { font-size: 20px; line-height: 1.3; font-weight: 650; margin: 0; color: var(--red); }
.calm h1 { color: var(--text); }
.who { color: var(--soft); margin-inline-start: auto; font-size: 13px; text-align: end; }
.close { border: 1px solid var(--line); background: var(--raised); color: var(--soft); border-radius: 6px; font: inherit; font-size: 12px; padding: 2px 8px; cursor: pointer; }
.close:hover { color: var(--text); }
.sending { margin: 12px 24px 0; display: flex; gap: 12px; align-items: center; }
.sending .hint { margin: 0; }
.send { border: 1px solid var(--link); background: var(--link); color: var(--bg); border-radius: 6px; font: inherit; font-weight: 600; padding: 6px 14px; cursor: pointer; }
.send:disabled { border-color: var(--line); background: var(--raised); color: var(--soft); cursor: default; }
.summary { margin: 6px 24px 0; font-size: 15px; overflow-wrap: anywhere; white-space: pre-line; }
.hint { margin: 6px 24px 0; color: var(--soft); white-space: pre-line; }
.body { padding: 18px 24px 20px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 18px; }
.where { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; font-size: 13px; }
.mono, pre, .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; line-height: 1.6; tab-size: 4; }
a, .at { color: var(--link); font-weight: 600; text-decoration: none; overflow-wrap: anywhere; }
a:hover { text-decoration: underline; }
.package { color: var(--soft); overflow-wrap: anywhere; }
.message { margin: 2px 0 8px; font-weight: 600; color: var(--red); white-space: pre-wrap; overflow-wrap: anywhere; }
.code, pre { margin: 0; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; padding: 8px 0; }
pre { padding: 10px 14px; }
.rows { display: grid; grid-template-columns: max-content minmax(max-content, 1fr); min-width: 100%; width: max-content; }
.no { color: var(--soft); text-align: end; padding: 0 12px 0 14px; user-select: none; border-inline-end: 1px solid var(--line); }
.src { white-space: pre; padding: 0 16px 0 12px; min-height: 1.6em; }
.hit { background: var(--mark); }
.no.hit { color: var(--red); font-weight: 700; box-shadow: inset 3px 0 0 var(--red); }
.comment { color: var(--soft); font-style: italic; }
.keyword { color: var(--keyword); }
.string { color: var(--string); }
.number, .builtin { color: var(--number); }
.copied { position: fixed; top: 0; left: 0; width: 1px; height: 1px; opacity: 0; }
.caret { color: var(--red); font-weight: 700; }
.stack { color: var(--soft); white-space: pre; }
.stack .own { color: var(--text); }
.stack .hit { color: var(--text); font-weight: 600; display: inline-block; min-width: 100%; margin: 0 -14px; padding: 0 14px; box-sizing: content-box; box-shadow: inset 3px 0 0 var(--red); }
.stack a { font-weight: inherit; }
.label { margin: 0 0 6px; font-size: 12px; font-weight: 600; color: var(--soft); }
footer { border-top: 1px solid var(--line); background: var(--raised); color: var(--soft); font-size: 12.5px; padding: 10px 24px; }
kbd { font: inherit; font-weight: 600; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: 4px; padding: 0 5px; background: var(--bg); color: var(--text); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.panel:focus-visible { outline: none; }
.badge {
  position: fixed; right: 16px; bottom: 16px; max-width: calc(100vw - 32px); pointer-events: auto; display: inline-flex; gap: 8px; align-items: center;
  font: 600 13px/1.3 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; text-align: start;
  color: var(--text); background: var(--bg); border: 1px solid var(--line); border-radius: 999px; padding: 8px 14px;
  box-shadow: 0 6px 24px rgb(0 0 0 / .25);
}
button.badge { cursor: pointer; }
button.badge:hover { border-color: var(--soft); }
.dot { width: 9px; height: 9px; border-radius: 50%; background: var(--soft); flex: none; }
.bad .dot { background: var(--red); }
.bad { border-color: var(--red); background: var(--red-bg); color: var(--red); }
.busy { animation: appear .15s .4s both; }
.busy .dot { background: none; border: 2px solid var(--line); border-top-color: var(--link); animation: turn .8s linear infinite; width: 12px; height: 12px; }
@keyframes appear { from { opacity: 0; visibility: hidden; } }
@keyframes turn { to { transform: rotate(1turn); } }
.body:empty { padding: 0 0 18px; }
@media (prefers-reduced-motion: reduce) { .busy { animation: appear .15s .4s both; }
.busy .dot { animation: none; } }
@media (max-width: 560px) { .shade { padding: 12px 8px 72px; } header { flex-wrap: wrap; } header, .body, footer { padding-inline: 16px; } .summary, .hint { margin-inline: 16px; } }
@media print { :host { display: none !important; } }
`;

  let host = null, root = null; // the element, and what it shows
  let hidden = solid ? null : recall('hidden'), shown = null; // what was put away (a page of our own is nothing but this), and what was asked for

  function el(name, attributes, ...content) {
    const e = document.createElement(name);
    for (const k in attributes) if (attributes[k] !== undefined && attributes[k] !== '') e.setAttribute(k, attributes[k]);
    e.append(...content.filter(c => c !== null && c !== undefined && c !== '')); // strings become text, never markup
    return e;
  }

  function mount() {
    if (host && host.isConnected) return;
    if (!host) {
      const name = 'hotreload-overlay';
      if (!customElements.get(name)) customElements.define(name, class extends HTMLElement {});
      host = document.createElement(name);
      const shadow = host.attachShadow({mode: 'open'});
      // A constructed sheet, because a style element would need the page's policy to allow it.
      const css = new CSSStyleSheet();
      css.replaceSync(sheet);
      shadow.adoptedStyleSheets = [css];
      root = el('div', {class: 'root'});
      shadow.append(root);
      if ('popover' in host) host.popover = 'manual'; // above everything, dialogs included
    }
    document.documentElement.append(host);
    if (host.showPopover) try { host.showPopover(); } catch { /* shown by its z-index */ }
  }

  const idOf = t => t === own ? 'own' : state.session + ' ' + t.id;

  let later = 0;
  function draw() {
    clearTimeout(later);
    // An element before the body would count where the page counts elements. Our own page may have a form.
    if (!document.body || solid && document.readyState === 'loading') {
      later = setTimeout(draw, 10);
      return;
    }
    // It stays while the next attempt is built: it is true until that works.
    const t = state.trouble || own || null;
    const serve = state.serve && t !== own; // what answers is meant to be used: only a mark
    const open = t && (shown === idOf(t) || !serve && hidden !== idOf(t));
    paint(open ? t : null, badge(t, open));
  }

  function badge(t, open) {
    if (state.status === 'ended') return {text: 'hotreload has ended'};
    if (state.status === 'building') return {text: 'Building…', kind: 'busy'};
    if (state.status === 'paused') return {text: 'Stale: hotreload is paused', kind: 'bad'};
    if (t && !open) {
      const text = {
        'build-failed': t.note ? 'A command failed' : state.answers ? 'Stale: the build failed' : t.title,
        'crashed': state.answers ? 'Stale: the new program crashed' : t.title,
        'not-started': state.answers ? 'Stale: the new program did not start' : t.title,
      }[t.kind] || t.title;
      return {text, kind: 'bad', show: t};
    }
    if (here.outdated && !solid) return {text: 'Outdated: reload this page', load: true};
    return null;
  }

  function paint(t, b) {
    show(t, b);
    updateResend();
  }

  function show(t, b) {
    const old = root && root.querySelector('.panel');
    if (solid) document.documentElement.style.overflow = t ? 'hidden' : ''; // the text behind it is for those without JavaScript
    if (!t && !b) {
      if (host) host.remove();
      if (root) root.replaceChildren();
    } else {
      mount();
      const panel = t && (old && old.dataset.id === idOf(t) ? old.parentElement : overlay(t));
      // What is there already stays: its scroll position and its focus.
      for (const e of [...root.children]) if (e !== panel) e.remove();
      if (panel && !panel.isConnected) root.prepend(panel);
      if (b) root.append(pill(b));
    }
    if (t && !old) {
      // Only if nothing has it: whoever types goes on typing.
      const now = document.activeElement;
      if (!now || now === document.body || now === document.documentElement || now === host) root.querySelector('.panel').focus({preventScroll: true});
    }
  }

  function pill(b) {
    const content = [el('span', {class: 'dot', 'aria-hidden': 'true'}), el('span', {}, b.text)];
    const name = b.kind ? 'badge ' + b.kind : 'badge';
    if (!b.show && !b.load) return el('div', {class: name, role: 'status'}, ...content);
    const button = el('button', {class: name, type: 'button', title: b.show ? 'Show what is wrong' : ''}, ...content);
    button.onclick = b.load ? () => location.reload() : () => {
      hidden = null;
      keep('hidden', null);
      shown = idOf(b.show);
      draw();
    };
    return button;
  }

  function hide() {
    hidden = idOf(state.trouble || own);
    if (hidden !== 'own') keep('hidden', hidden); // stays hidden when the page is loaded again
    shown = null;
    draw();
  }

  function overlay(t) {
    const close = el('button', {class: 'close', type: 'button', 'aria-label': 'Hide'}, 'Esc');
    close.onclick = hide;
    const who = [t.service, t.note ? '' : answersSince()].filter(Boolean).join(' · ');
    const panel = el('div', {
      class: ['waiting', 'session-ended'].includes(t.kind) ? 'panel calm' : 'panel', role: 'alertdialog', 'aria-labelledby': 'title', 'aria-describedby': 'summary', tabindex: '-1', 'data-id': idOf(t),
    },
      el('header', {}, el('h1', {id: 'title'}, t.title), el('span', {class: 'who'}, who), t.text ? copy(t) : null, close),
      el('p', {class: 'summary', id: 'summary'}, ...linked(t.said)),
      t.hint ? el('p', {class: 'hint'}, t.hint) : null,
      extra ? el('p', {class: 'summary'}, extra) : null,
      resend());
    const body = el('div', {class: 'body'});
    for (const place of t.places) body.append(placeOf(place));
    if (t.more) body.append(el('p', {class: 'hint'}, 'and ' + t.more + ' more, in the terminal'));
    if (t.words) body.append(el('div', {}, t.kind === 'build-failed' ? null : el('p', {class: 'label'}, 'Output'), el('pre', {tabindex: '0'}, ...linked(t.words))));
    if (t.stack.length) body.append(el('div', {}, el('p', {class: 'label'}, 'Stack'), stackOf(t.stack)));
    panel.append(body,
      el('footer', {}, el('kbd', {}, 'Esc'), ' hides this.', t === own ? '' : ' It disappears when the next save works.'));
    const shade = el('div', {class: solid ? 'shade solid' : 'shade'}, panel);
    let pressed = false; // else it is the end of a selection that began in the panel
    shade.onpointerdown = e => { pressed = e.target === shade; };
    shade.onclick = e => {
      if (pressed && e.target === shade) hide(); // nothing is returned: false would keep links from being followed
    };
    return shade;
  }

  // answersSince says which program one sees, by the time of the save that left it behind.
  function answersSince() {
    if (!state.answers || !state.since) return '';
    const at = new Date(state.since), day = at.toDateString() === new Date().toDateString() ? '' : at.toLocaleDateString() + ' ';
    return 'Since ' + day + at.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'}) + ' you see the program from before';
  }

  // copy gives the error as text, for an issue or a chat.
  function copy(t) {
    const button = el('button', {class: 'close copy', type: 'button'}, 'Copy');
    button.onclick = async () => {
      let done = false;
      try {
        await navigator.clipboard.writeText(t.text);
        done = true;
      } catch { // not on a page without TLS, or refused
        const area = el('textarea', {class: 'copied', 'aria-hidden': 'true'});
        area.value = t.text;
        root.append(area);
        area.select();
        done = document.execCommand('copy');
        area.remove();
      }
      button.textContent = done ? 'Copied' : 'Not allowed here';
      setTimeout(() => button.textContent = 'Copy', 2000);
    };
    return button;
  }

  // resend offers to send the form again, which is never done without a click.
  function resend() {
    const form = solid && document.querySelector('form[data-again]');
    if (!form) return null;
    const button = el('button', {class: 'send', type: 'button'}, 'Send it again');
    button.disabled = !usable();
    button.onclick = () => {
      for (const e of form.querySelectorAll('input[data-content]')) {
        const files = new DataTransfer();
        files.items.add(new File([Uint8Array.from(atob(e.dataset.content), c => c.charCodeAt(0))], e.dataset.name, {type: e.dataset.type}));
        e.files = files.files;
      }
      HTMLFormElement.prototype.submit.call(form); // a field may be named submit
    };
    return el('p', {class: 'sending'}, button, el('span', {class: 'hint'}, ''));
  }

  const usable = () => state.answers && state.status === 'live';

  function updateResend() {
    const button = root && root.querySelector('.send');
    if (!button) return;
    button.disabled = !usable();
    button.nextSibling.textContent = usable() ? '' : 'You can send it when the program answers.';
    if (!usable() || state.trouble) return;
    // What it was about stays, but it is over.
    root.querySelector('.panel').classList.add('calm');
    document.title = root.querySelector('#title').textContent = 'The program answers again';
  }

  const linked = spans => (spans || []).map(s => s.link ? el('a', {href: s.link}, s.text) : s.text);

  function placeOf(p) {
    const at = p.file ? p.file + (p.line ? ':' + p.line : '') + (p.column ? ':' + p.column : '') : '';
    const out = el('section', {},
      el('div', {class: 'where'},
        at ? (p.link ? el('a', {class: 'mono', href: p.link}, at) : el('span', {class: 'mono at'}, at)) : null,
        p.package ? el('span', {class: 'package'}, p.package) : null),
      ...p.messages.map(m => el('div', {class: 'message mono'}, m)));
    if (p.code.length) {
      const rows = el('div', {class: 'rows'});
      for (const l of p.code) {
        const hit = l.marked ? ' hit' : '';
        rows.append(el('span', {class: 'no' + hit}, String(l.number)), el('span', {class: 'src' + hit}, ...(p.file.endsWith('.go') ? coloured(l.text) : [l.text])));
        if (l.marked && p.column) rows.append(el('span', {class: 'no hit'}), el('span', {class: 'src caret hit', 'aria-hidden': 'true'}, (l.caret || '') + '^'));
      }
      out.append(el('div', {class: 'code', tabindex: '0', role: 'group', 'aria-label': 'Code'}, rows));
    }
    return out;
  }

  // coloured is a line of Go as text nodes and spans. A comment or a string over several lines is not
  // known from one of them, so it is taken for code.
  const go = /(\/\/.*|\/\*.*?\*\/)|("(?:[^"\\]|\\.)*"?|`[^`]*`?|'(?:[^'\\]|\\.)+')|\b(break|case|chan|const|continue|default|defer|else|fallthrough|for|func|go|goto|if|import|interface|map|package|range|return|select|struct|switch|type|var)\b|\b(\d[\w.]*)|\b(true|false|nil|iota|any|bool|byte|error|float32|float64|int|int8|int16|int32|int64|rune|string|uint|uint8|uint16|uint32|uint64|append|cap|close|copy|delete|len|make|new|panic|recover)\b/g;
  const kinds = ['', 'comment', 'string', 'keyword', 'number', 'builtin'];

  function coloured(text) {
    const out = [];
    let at = 0;
    for (const m of text.matchAll(go)) {
      if (m.index > at) out.push(text.slice(at, m.index));
      out.push(el('span', {class: kinds.find((k, i) => k && m[i] !== undefined)}, m[0]));
      at = m.index + m[0].length;
    }
    if (at < text.length) out.push(text.slice(at));
    return out;
  }

  function stackOf(lines) {
    const pre = el('pre', {class: 'stack', tabindex: '0'});
    for (const l of lines) {
      const span = el('span', {class: (l.own ? 'own' : '') + (l.marked ? ' hit' : '')});
      const i = l.place ? l.text.indexOf(l.place) : -1;
      if (i >= 0 && l.link && l.own) span.append(l.text.slice(0, i), el('a', {href: l.link}, l.place), l.text.slice(i + l.place.length));
      else span.append(l.text);
      pre.append(span, '\n');
    }
    return pre;
  }

  addEventListener('keydown', e => {
    if (e.key === 'Escape' && root && host.isConnected && root.querySelector('.panel')) {
      e.stopImmediatePropagation();
      hide();
    }
  }, true);

  // ---------------------------------------------------------------------------

  forget();
  restore();
  // The worker may take a moment to start: ask once besides.
  fetch('/__hotreload/state', {cache: 'no-store'}).then(r => r.json()).then(apply).catch(() => {});
  listen();
  draw();
})();

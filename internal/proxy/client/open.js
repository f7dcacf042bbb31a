// A click on a place that hotreload itself opens in the editor, by a command.
(function () {
  'use strict';
  const key = Symbol.for('hotreload open');
  if (window[key]) return;
  window[key] = true;
  const post = window.fetch.bind(window);
  addEventListener('click', e => {
    const link = e.composedPath().find(n => n.localName === 'a' && (n.getAttribute('href') || '').startsWith('/__hotreload/open?'));
    if (!link) return;
    e.preventDefault();
    const failed = why => {
      link.title = String(why).trim();
      if (!link.textContent.endsWith(' (not opened)')) link.append(' (not opened)');
    };
    post(link.getAttribute('href'), {method: 'POST'}).then(async r => r.ok || failed(await r.text())).catch(failed);
  }, true);
})();

// One event stream for all tabs of a browser: HTTP/1.1 allows six connections
// per host, and a stream per tab would use them up.
'use strict';
const ports = new Set();
let newest = '';
let source = null;

function listen() {
  source = new EventSource('/__hotreload/events');
  source.onmessage = e => {
    newest = e.data;
    for (const port of ports) port.postMessage(newest);
  };
  source.onerror = () => {
    // The browser itself comes back after a broken connection, not after a refusal.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  };
}

self.onconnect = e => {
  const port = e.ports[0];
  ports.add(port);
  port.onmessage = () => ports.delete(port); // the page says that it goes away
  if (newest) port.postMessage(newest);
  if (!source) listen();
};

// @ts-check
// The pages of the hub: rows and runs that stay current, settings, keys.

import { announce, announceRun, api, base, make, say, settings, tenant } from './kit.js';
import { follow } from './live.js';
import { times } from './times.js';
import { badge, bar, stage } from './widget.js';

/** @typedef {import('./live.js').Run} Run */

/** @template {Element} T @param {string} selector @param {ParentNode} [root] @returns {T[]} */
const all = (selector, root = document) => [...root.querySelectorAll(selector)].map((e) => /** @type {any} */ (e));

/** As the server writes durations. @param {number} ms */
function clock(ms) {
  const s = Math.max(ms, 0) / 1000;
  const two = (/** @type {number} */ n) => String(Math.floor(n)).padStart(2, '0');
  if (s < 1) return `${Math.floor(s * 1000)} ms`;
  if (s < 10) return `${(Math.floor(s * 10) / 10).toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two((s % 3600) / 60)} m`;
}

/** @param {number} n */
const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');

/* Runs that are on the page */

/** @type {Map<string, Run>} */
const running = new Map();

/** @param {Run} run */
function took(run) {
  if (!run.started_at || run.status === 'queued') return '–';
  return clock((run.completed_at ? Date.parse(run.completed_at) : Date.now()) - Date.parse(run.started_at));
}

/** @param {Element | null | undefined} e @param {string} text */
function write(e, text) {
  if (e && e.textContent !== text) e.textContent = text;
}

/** @param {HTMLElement} at an element with data-run @param {Run} run */
function update(at, run) {
  /** @param {string} name */
  const field = (name) => at.querySelector(`[data-field="${name}"]`);
  const status = field('status');
  if (at.dataset.stage !== stage(run) || at.dataset.trouble !== (run.trouble ?? '')) {
    at.dataset.stage = stage(run);
    at.dataset.trouble = run.trouble ?? '';
    status?.replaceChildren(badge(run));
    if (run.trouble && at.matches('tr')) status?.append(make('span', { class: `trouble ${run.trouble}` }, say('trouble.' + run.trouble)));
  }
  const progress = field('progress');
  if (progress) bar(progress, run);
  const { total, succeeded, failed, skipped } = run.counts;
  write(field('total'), total ? number(total) : '–');
  write(field('succeeded'), number(succeeded));
  write(field('skipped'), number(skipped));
  const bad = field('failed');
  write(bad, number(failed));
  (at.matches('tr') ? bad : bad?.parentElement)?.classList.toggle('bad', failed > 0);
  write(field('took'), took(run));
}

/** @param {Run} run */
function take(run) {
  const places = /** @type {HTMLElement[]} */ (all(`[data-run="${CSS.escape(run.id)}"]`));
  if (!places.length) return arrived(run);
  for (const at of places) {
    if (run.revision < Number(at.dataset.revision)) continue;
    const before = at.dataset.stage, attempt = at.dataset.attempt;
    at.dataset.revision = String(run.revision);
    at.dataset.attempt = String(run.attempt);
    update(at, run);
    if (!at.matches('tr')) {
      announceRun(run);
      // The page says more about each stage than an event does, and some parts of
      // it more about each step.
      const next = before !== undefined && (before !== stage(run) || attempt !== String(run.attempt));
      if (next || 'live' in at.dataset) void refresh(run.id);
    }
  }
  if (run.status === 'running') running.set(run.id, run);
  else running.delete(run.id);
}

setInterval(() => {
  for (const run of running.values()) {
    for (const at of all(`[data-run="${CSS.escape(run.id)}"]`)) write(at.querySelector('[data-field="took"]'), took(run));
  }
}, 1_000);

// Some parts of a page say more than the run's own record, and so change while it
// does not.
setInterval(() => {
  for (const at of all('[data-live][data-stage="running"]')) if (live() && !document.hidden) void refresh(at.getAttribute('data-run') ?? '');
}, 2_000);

/** Loads a page of the hub as a document. @param {string} url @returns {Promise<Document>} */
function load(url) {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open('GET', url);
    x.responseType = 'document';
    x.onload = () => (x.status === 200 && x.response ? resolve(x.response) : reject(new Error(String(x.status))));
    x.onerror = () => reject(new Error('network'));
    x.send();
  });
}

/** @type {Set<string>} runs of which the server says more than an event does */
const outdated = new Set();
let refreshing = false;

/** Takes over what the server now says about a run. @param {string} id */
async function refresh(id) {
  outdated.add(id);
  if (refreshing) return;
  refreshing = true;
  while (outdated.size) {
    // Not all who watch a run at once, and nobody all the time.
    await new Promise((done) => setTimeout(done, 200 + Math.random() * 600));
    const places = [...outdated].flatMap((id) => all(`[data-run="${CSS.escape(id)}"]:not(tr)`));
    outdated.clear();
    try {
      const next = await load(location.href);
      for (const at of places) {
        const now = at.id ? next.getElementById(at.id) : next.querySelector(`.ops[data-run="${CSS.escape(at.dataset.run ?? '')}"]`);
        if (now) merge(at, document.adoptNode(now));
      }
      times();
      copies();
    } catch {
      // The next load of the page shows it.
    }
  }
  refreshing = false;
}

/** Whether there is text between the children of e. @param {Element} e */
const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.nodeValue?.trim());

/**
 * Makes the children of at those of next. What is the same stays, and so does
 * what somebody is busy with.
 * @param {Element} at @param {Element} next
 */
function merge(at, next) {
  /** @param {Element} parent @returns {[string, Element][]} */
  const keys = (parent) => {
    /** @type {Record<string, number>} */ const seen = {};
    return [...parent.children].map((e) => {
      const key = `${e.localName} ${e.id || e.getAttribute('aria-labelledby') || e.className}`;
      seen[key] = (seen[key] ?? 0) + 1;
      return [`${key} ${seen[key]}`, e];
    });
  };
  const old = new Map(keys(at));
  /** @type {Element | null} */ let after = null;
  for (const [key, e] of keys(next)) {
    const was = old.get(key);
    old.delete(key);
    let now = e;
    if (was?.isEqualNode(e)) now = was;
    else if (was && e.children.length && !hasText(e) && !hasText(was)) {
      merge(was, e);
      now = was;
    } else if (was?.contains(document.activeElement)) now = was;
    else if (was) was.replaceWith(e);
    const place = /** @type {Element | null} */ (after ? after.nextElementSibling : at.firstElementChild);
    if (place !== now) at.insertBefore(now, place);
    after = now;
  }
  for (const e of old.values()) if (!e.contains(document.activeElement)) e.remove();
}

/* Runs that are not on the page yet */

const fresh = document.getElementById('fresh');
let looking = 0;

/** @param {Run} run */
function arrived(run) {
  const q = new URLSearchParams(location.search);
  const newest = all('[data-runs] [data-run]')[0]?.getAttribute('data-run') ?? '';
  if (!fresh || q.has('after') || q.has('before') || run.id < newest || looking || run.status === 'completed') return;
  looking = setTimeout(async () => {
    looking = 0;
    q.set('limit', '100');
    try {
      const r = await fetch(`${api}/t/${encodeURIComponent(tenant)}/runs?${q}`, { cache: 'no-store' });
      const { data } = await r.json();
      const n = data.filter((/** @type {Run} */ d) => d.id > newest).length;
      const text = n && say('js.fresh', n);
      if (!n) fresh.replaceChildren();
      else if (fresh.textContent !== text) fresh.replaceChildren(make('a', { class: 'button', href: location.href }, text || ''));
    } catch {
      // It is only a hint.
    }
  }, 1_000);
}

const onPage = () => /** @type {HTMLElement[]} */ (all('[data-run]'));
if (onPage().length || fresh) {
  for (const at of onPage()) {
    const name = at.querySelector('[data-field="status"] .badge')?.classList[1];
    if (name) at.dataset.stage = name; // else the server has said it
  }
  follow({
    runs: () => onPage().filter((at) => ['queued', 'running'].includes(at.dataset.stage ?? '')).map((at) => at.dataset.run ?? ''),
    active: !!fresh,
    run: take,
  });
}

/* Copy */

function copies() {
  if (!navigator.clipboard) return;
  for (const e of /** @type {HTMLElement[]} */ (all('[data-copy]:not([data-ready])'))) {
    e.dataset.ready = '1';
    const copy = async () => {
      await navigator.clipboard.writeText(e.dataset.copy ?? '');
      announce(say('js.copied'));
      button.textContent = say('js.copied');
      setTimeout(() => (button.textContent = say('js.copy')), 2_000);
    };
    const button = make('button', { type: 'button', class: 'ops-copy', click: () => void copy().catch(() => {}) }, say('js.copy'));
    e.after(' ', button);
  }
}

/* Pause */

const live = () => settings.get('live', 'on') === 'on';
const side = document.querySelector('.ops-side');
const pause = make('button', { type: 'button', class: 'ops-pause', click: () => settings.set('live', live() ? 'off' : 'on') });
function showPause() {
  write(pause, say(live() ? 'js.pause' : 'js.resume'));
}
if (side) side.prepend(pause);

/* Settings */

const form = /** @type {HTMLFormElement | null} */ (document.getElementById('settings'));
if (form) {
  const defaults = /** @type {Record<string, string>} */ ({ zone: 'local', zonename: '' });
  for (const e of /** @type {HTMLInputElement[]} */ (all('input[name]', form))) {
    const now = settings.get(e.name, defaults[e.name] ?? '');
    if (e.type === 'radio') e.checked = now ? now === e.value : e.checked;
    else e.value = now;
  }
  form.addEventListener('change', (e) => {
    const input = /** @type {HTMLInputElement} */ (e.target);
    settings.set(input.name, input.value.trim());
    write(document.getElementById('saved'), say('js.saved'));
  });
  form.addEventListener('submit', (e) => e.preventDefault());
}

/* Keys */

const rows = () => /** @type {HTMLElement[]} */ (all('table.rows tbody th a'));

/** @param {number} by */
function move(by) {
  const list = rows(), i = list.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  list[Math.min(Math.max(i + by, 0), list.length - 1)]?.focus();
}

const home = `${base}/t/${encodeURIComponent(tenant)}`;
/** @type {Record<string, () => void>} */
const keys = {
  '?': () => void help(),
  '/': () => /** @type {HTMLElement | null} */ (document.querySelector('input[type="search"]'))?.focus(),
  j: () => move(1),
  k: () => move(-1),
  p: () => pause.click(),
  'g o': () => location.assign(home + '/'),
  'g r': () => location.assign(home + '/runs'),
  'g n': () => location.assign(`${base}/notifications?tenant=${encodeURIComponent(tenant)}`),
};
let pressed = '', at = 0;
document.addEventListener('keydown', (e) => {
  const into = /** @type {HTMLElement} */ (e.target);
  if (settings.get('shortcuts', 'on') !== 'on' || e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
  if (into.closest('input:not([type="radio"], [type="checkbox"]), textarea, select, [contenteditable], dialog')) return;
  const chord = Date.now() - at < 1_500 ? `${pressed} ${e.key}` : '';
  pressed = e.key;
  at = Date.now();
  const act = keys[chord] ?? keys[e.key];
  if (act) {
    e.preventDefault();
    act();
  }
});

/** Shows the page of help above this one. */
async function help() {
  try {
    const main = (await load(`${base}/help`)).querySelector('main .ops');
    if (!main) throw new Error('no help');
    const close = make('button', { type: 'button', autofocus: true, click: () => dialog.close() }, say('js.close'));
    const dialog = make('dialog', { class: 'ops ops-help', 'aria-label': say('js.help'), close: () => dialog.remove() }, make('form', { method: 'dialog' }, close), document.adoptNode(main));
    document.body.append(dialog);
    dialog.showModal();
  } catch {
    location.assign(`${base}/help`);
  }
}

settings.addEventListener('change', showPause);
copies();
showPause();

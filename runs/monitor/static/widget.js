// @ts-check
// What the pages of a host show too: the progress of runs at the bottom right,
// and the number of unread notifications.

import { announceRun, base, icon, known, make, say, settings, tenant } from './kit.js';
import { changed, follow } from './live.js';

/** @typedef {import('./live.js').Run} Run */

const shownAtMost = 3;
const stay = 10_000; // how long a run that has ended is shown
const fresh = 15_000; // how old a run is at most that is told to have been queued

/** @param {string} id */
export const runPath = (id) => `${base}/t/${encodeURIComponent(tenant)}/runs/${encodeURIComponent(id)}`;

/** @param {Run} run */
const title = (run) => (run.target ? `${run.label} ${run.target}` : run.label);

/** @param {Run} run */
export const stage = (run) => (run.status === 'completed' ? (run.outcome ?? 'unknown') : run.status);

/** @param {Run} run */
export function badge(run) {
  const name = known('status.' + stage(run)) ? stage(run) : 'unknown';
  return make('span', { class: `badge ${name}` }, icon(name), name === 'unknown' ? stage(run) : say('status.' + name));
}

/** Shows how far a run is, in place. @param {Element} at @param {Run} run */
export function bar(at, run) {
  let p = at.querySelector('progress');
  if (run.status !== 'running' || run.percent === undefined) {
    at.replaceChildren();
    return;
  }
  if (!p) {
    p = make('progress', { max: 100, 'aria-label': say('js.progress') });
    at.replaceChildren(make('span', { class: 'progress' }, p, make('span')));
  }
  p.value = run.percent;
  p.textContent = `${run.percent} %`;
  const text = at.querySelector('.progress > span');
  if (text) text.textContent = `${run.percent} %`;
}

/** @template T @param {string} key @param {T} fallback @returns {T} */
function remembered(key, fallback) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? '') ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {unknown} value */
function remember(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Then the next page begins anew.
  }
}

/** Whether somebody is at e, so that it may not go. @param {Element} e */
const busy = (e) => e.contains(document.activeElement);

const lasting = new Set(['failed', 'blocked']); // until they are dismissed

class OpsProgress extends HTMLElement {
  key = `ops.widget ${tenant}`;
  /** @type {Map<string, Run>} what is shown, or would be if there were room */
  runs = new Map();
  /** @type {Record<string, number>} when each of them has ended here */
  ended = {};
  /** @type {Record<string, number>} what was told to have been queued, and until when that is shown */
  toasted = {};
  /** @type {Set<string>} what was shown and is shown no more */
  gone = new Set();
  /** @type {Map<string, HTMLElement>} */
  rows = new Map();
  /** @type {HTMLElement | undefined} */ box;

  connectedCallback() {
    if (this.box) return;
    this.build();
    const was = remembered(this.key, { runs: /** @type {Run[]} */ ([]), ended: {}, toasted: {} });
    for (const run of was.runs) this.runs.set(run.id, run);
    this.ended = was.ended;
    this.toasted = was.toasted;
    // Whoever starts a run by a form leaves the page at once.
    for (const run of was.runs) this.toast(run);
    this.show();
    follow({
      active: true,
      // What was active on the page before may have ended since.
      runs: () => [...this.runs.values()].filter((r) => r.status !== 'completed').map((r) => r.id),
      run: (run) => this.take(run),
      link: (up) => this.box?.toggleAttribute('data-away', !up),
    });
  }

  build() {
    const flip = (/** @type {string} */ name, /** @type {string} */ a, /** @type {string} */ b, unset = () => a) => () => {
      settings.set(name, settings.get(name, unset()) === a ? b : a);
      this.show();
    };
    this.head = make('strong');
    this.fold = make('button', { type: 'button', class: 'ops-fold', click: flip('widget', 'open', 'closed', () => this.folded) }, icon('fold'));
    this.list = make('ul');
    this.more = make('a', { href: `${base}/t/${encodeURIComponent(tenant)}/runs?status=queued,running` });
    this.all = make('input', { type: 'checkbox', change: flip('whose', 'mine', 'all') });
    this.body = make('div', { id: 'ops-widget' }, this.list, make('footer', {}, this.more, make('label', {}, this.all, ' ' + say('js.all'))));
    this.fold.setAttribute('aria-controls', 'ops-widget');
    this.box = make('section', { class: 'ops ops-widget', 'aria-label': say('js.progress'), hidden: true }, make('header', {}, this.head, this.fold), this.body);
    this.toasts = make('div', { class: 'ops ops-toasts', role: 'status' });
    this.append(this.toasts, this.box);
  }

  /** Where there is little room, it is folded until somebody opens it. */
  get folded() {
    return matchMedia('(max-width: 46rem)').matches ? 'closed' : 'open';
  }

  /** @param {Run} run */
  take(run) {
    const before = this.runs.get(run.id);
    const active = run.status !== 'completed';
    // What has ended unseen is no news, unless the visitor has just started it.
    const just = run.mine && !this.gone.has(run.id) && Date.now() - Date.parse(run.completed_at ?? '') < stay;
    if (!before && !active && !just) return;
    this.runs.set(run.id, run);
    if (!active && !this.ended[run.id]) this.ended[run.id] = Date.now();
    if (run.mine) announceRun(run);
    if (!before) this.toast(run);
    this.show();
  }

  /** @param {Run} run */
  toast(run) {
    const now = Date.now();
    if (!run.mine || run.status === 'completed' || now - Date.parse(run.created_at) > fresh) return;
    const left = (this.toasted[run.id] ??= now + stay) - now;
    if (left < 1_000 || location.pathname === runPath(run.id)) return; // that page says so
    const t = make('p', { class: 'ops-toast' }, icon('queued'), say('js.queued', title(run)), ' ', make('a', { href: runPath(run.id) }, say('js.view')));
    this.toasts?.append(t);
    if (Number(this.toasts?.children.length) > shownAtMost) this.toasts?.firstElementChild?.remove();
    const end = () => (busy(t) ? void setTimeout(end, 1_000) : t.remove());
    setTimeout(end, left);
  }

  /** @param {string} id */
  dismiss(id) {
    this.runs.delete(id);
    this.gone.add(id);
    this.show();
    (this.list?.querySelector('a') ?? document.querySelector('main'))?.focus({ preventScroll: true });
  }

  /** Shows what there is to show, changing only what has changed. */
  show() {
    const { box, list, head, fold, body, more, all } = this;
    if (!box || !list || !head || !fold || !body || !more || !all) return;
    const now = Date.now(), held = busy(box);
    let next = Infinity;
    for (const run of this.runs.values()) {
      if (run.status !== 'completed' || lasting.has(stage(run))) continue;
      const over = (this.ended[run.id] ?? 0) + stay - now;
      const left = held ? Math.max(over, 1_000) : over;
      if (left <= 0) {
        this.runs.delete(run.id);
        this.gone.add(run.id);
      } else next = Math.min(next, left);
    }
    clearTimeout(this.timer);
    if (next < Infinity) this.timer = setTimeout(() => this.show(), next + 50);
    for (const seen of [this.ended, this.toasted]) for (const id of Object.keys(seen)) if (!this.runs.has(id)) delete seen[id];
    remember(this.key, { runs: [...this.runs.values()].slice(-100), ended: this.ended, toasted: this.toasted });

    const everybody = settings.get('whose', 'mine') === 'all';
    const open = settings.get('widget', this.folded) === 'open';
    const shown = [...this.runs.values()].filter((r) => r.mine || everybody).sort((a, b) => (a.id < b.id ? 1 : -1));
    // Who looks at everybody's can go back when there is nothing to see.
    box.hidden = !shown.length;
    const active = shown.filter((r) => r.status !== 'completed').length;
    head.textContent = active ? say('js.active', active) : say('js.ended');
    fold.setAttribute('aria-expanded', String(open));
    fold.setAttribute('aria-label', say(open ? 'js.fold' : 'js.unfold'));
    body.hidden = !open;
    all.checked = everybody;
    const top = shown.filter((r, i) => i < shownAtMost || this.rows.get(r.id)?.contains(document.activeElement));
    for (const [id, row] of this.rows) {
      if (top.some((r) => r.id === id)) continue;
      row.remove();
      this.rows.delete(id);
    }
    top.forEach((run, i) => {
      const row = this.row(run);
      if (list.children[i] !== row) list.insertBefore(row, list.children[i] ?? null);
    });
    const rest = shown.length - top.length;
    more.textContent = rest ? say('js.more', rest) : say('js.runs');
  }

  /** @param {Run} run */
  row(run) {
    let row = this.rows.get(run.id);
    if (!row) {
      row = make('li', {}, make('a', { href: runPath(run.id) }), make('span', { class: 'ops-mark' }), make('span', { class: 'ops-bar' }));
      this.rows.set(run.id, row);
    }
    const [name, mark, progress] = /** @type {HTMLElement[]} */ ([...row.children]);
    if (name.dataset.stage !== stage(run)) {
      name.dataset.stage = stage(run);
      name.replaceChildren(run.label, make('span', { class: 'ops-of' }, run.target ? ` ${run.target}` : ''), make('span', { class: 'quiet' }, ` – ${say('js.view')}`));
      mark.replaceChildren(badge(run));
      if (lasting.has(stage(run))) {
        row.append(make('button', { type: 'button', 'aria-label': say('js.dismiss', title(run)), click: () => this.dismiss(run.id) }, icon('close')));
      }
    }
    bar(progress, run);
    return row;
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */ timer;
}

class OpsBell extends HTMLElement {
  connectedCallback() {
    if (this.dataset.live) return;
    this.dataset.live = '1';
    if (!this.querySelector('a')) {
      this.append(make('a', { href: `${base}/notifications?tenant=${encodeURIComponent(tenant)}` }, icon('bell'), say('js.notifications')));
    }
    follow({ inbox: true, unread: (n) => this.show(n) });
  }

  /** @param {number} n */
  show(n) {
    const link = this.querySelector('a');
    let count = this.querySelector('.count');
    if (!n) count?.remove();
    else if (link) {
      if (!count) {
        count = make('span', { class: 'count' });
        link.append(' ', count);
      }
      count.replaceChildren(n >= 100 ? '99+' : String(n), make('span', { class: 'quiet' }, ` ${say('js.unread')}`));
    }
  }
}

customElements.define('ops-progress', OpsProgress);
customElements.define('ops-bell', OpsBell);
settings.addEventListener('change', () => {
  for (const w of document.querySelectorAll('ops-progress')) /** @type {OpsProgress} */ (w).show();
  changed();
});

// @ts-check
// What the other modules share: what the server says about this page, its words,
// the visitor's settings, and what is read aloud.

const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[data-ops]'));
const data = script.dataset;

/** Where things are, as the server says. */
export const base = data.base || '', api = data.api || base + '/api', tenant = data.tenant || '', icons = data.icons || '';

/** @type {Record<string, string>} */
const words = JSON.parse(data.words || '{}');

/**
 * A message in the language of the page, with {0}, {1}, … replaced.
 * @param {string} key
 * @param {...(string | number)} args
 */
export function say(key, ...args) {
  const text = words[key] ?? words[key + (args[0] === 1 ? '.one' : '.other')] ?? key;
  return args.reduce((/** @type {string} */ t, a, i) => t.replaceAll(`{${i}}`, String(a)), text);
}

/** Whether there is a message with this key. @param {string} key */
export const known = (key) => key in words;

/**
 * An element with attributes, or properties, and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} [props]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(name, props = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(props)) {
    if (typeof v === 'function') e.addEventListener(k, /** @type {EventListener} */ (v));
    else if (v !== false && v !== undefined) e.setAttribute(k, v === true ? '' : String(v));
  }
  e.append(...children);
  return e;
}

/** @param {string} name */
export function icon(name) {
  const ns = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(ns, 'svg'), use = document.createElementNS(ns, 'use');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `${icons}#${name}`);
  svg.append(use);
  return svg;
}

/** What a page keeps in this browser; it holds nothing secret. */
const store = 'ops';

/** @returns {Record<string, any>} */
function read() {
  try {
    return JSON.parse(localStorage.getItem(store) || '{}') || {};
  } catch {
    return {};
  }
}

export const settings = new (class extends EventTarget {
  all = read();

  /** @param {string} name @param {string} fallback */
  get(name, fallback) {
    const v = this.all[name];
    return typeof v === 'string' ? v : fallback;
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    this.all = { ...read(), [name]: value };
    try {
      localStorage.setItem(store, JSON.stringify(this.all));
    } catch {
      // Then they hold for this page.
    }
    this.changed();
  }

  changed() {
    const { dataset } = document.documentElement;
    dataset.theme = this.get('theme', 'auto');
    dataset.density = this.get('density', 'roomy');
    this.dispatchEvent(new Event('change'));
  }
})();

addEventListener('storage', (e) => {
  if (e.key === store) {
    settings.all = read();
    settings.changed();
  }
});
settings.changed();

const said = make('div', { role: 'status', class: 'ops-said' });
document.body.append(said);

/** Tells what is read aloud. @param {string} text */
export function announce(text) {
  said.textContent = text;
}

/** @type {Map<string, number>} */
const steps = new Map();

/**
 * Tells how far a run is: at quarters and at its end, each once.
 * @param {import('./live.js').Run} run
 */
export function announceRun(run) {
  const step = run.status === 'completed' ? 4 : Math.floor((run.percent ?? 0) / 25);
  const before = steps.get(run.id);
  steps.set(run.id, step);
  if (before === undefined || step <= before) return;
  announce(`${run.label}: ${step === 4 ? say('status.' + run.outcome) : step * 25 + ' %'}`);
}

// @ts-check
// The look that was chosen in this browser, before anything is painted: a module
// runs too late for that. kit.js does the rest.
try {
  const chosen = JSON.parse(localStorage.getItem('ops') || '{}') || {};
  for (const name of ['theme', 'density']) {
    if (typeof chosen[name] === 'string') document.documentElement.dataset[name] = chosen[name];
  }
} catch {
  // Then the page looks as if nothing was chosen.
}

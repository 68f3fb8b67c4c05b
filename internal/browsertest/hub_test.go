package browsertest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// The hub does in a real browser what it says.
func TestHub(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T, *world){
		"live": live, "two tabs have one stream": oneStream, "a server comes back": comesBack,
		"without scripts": noScripts, "keys in the hub": hubKeys, "keys in the host": hostKeys, "wizard": wizard, "preferences": preferences,
		"pages of the hub": hubPages, "pages of the host": hostPages, "error pages": errorPages,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// Somebody starts a sync and watches it to its end, on one page.
func live(t *testing.T, w *world) {
	g := startGraph(t)
	h := startTenant(t, w.binary, g, "-db", "memory")
	b := w.visit(t, h.base)
	b.as("dana")
	b.goTo("/t/acme/inventory")
	elsewhere := b.another()
	elsewhere.as("dana")
	elsewhere.goTo("/t/acme/inventory/coverage")

	b.click(`form[action$="/inventory/sync"] button`)
	b.at("/ops/t/acme/runs/")
	b.until("the page says that it was queued", `document.querySelector('.note[role=status]')?.innerText.includes('queued')`)
	elsewhere.until("a toast says so elsewhere", `document.querySelector('.ops-toast')?.innerText.includes('queued')`)
	elsewhere.until("the widget shows the run", `document.querySelector('.ops-widget:not([hidden]) li a')?.href.includes('/runs/')`)

	run[bool](b, `window.same = true`) // until the next load
	g.let(60)
	b.until("the bar has begun", `(window.bar = document.querySelector('.progressline progress')?.value) > 0`)
	before := run[float64](b, `window.bar`)
	if before >= 100 {
		t.Fatalf("the bar is at %v %% before the run has ended", before)
	}
	elsewhere.until("the widget has begun", `document.querySelector('.ops-widget progress')?.value > 0`)
	g.release()
	b.until("the run has succeeded", `document.querySelector('.title .badge.succeeded') && !document.querySelector('.progressline progress')`)
	b.until("every kind is done", `document.querySelector('[data-field=succeeded]').innerText === '66' || document.querySelector('[data-field=total]').innerText === [...document.querySelectorAll('[data-field=succeeded], [data-field=skipped]')].reduce((n, e) => n + Number(e.innerText), 0) + ''`)
	if !run[bool](b, `window.same === true`) {
		t.Error("the page was loaded again")
	}

	elsewhere.until("the bell counts", `Number.parseInt(document.querySelector('ops-bell .count')?.innerText) === 2`) // queued, ended
	elsewhere.until("the widget shows how it ended", `document.querySelector('.ops-widget .badge.succeeded')`)
	elsewhere.until("the widget goes", `document.querySelector('.ops-widget').hidden`)

	elsewhere.click("ops-bell a")
	elsewhere.at("/ops/notifications")
	elsewhere.click(".notes li.unread a")
	elsewhere.at("/ops/t/acme/runs/")
	elsewhere.until("opening it marks it read", `Number.parseInt(document.querySelector('ops-bell .count')?.innerText) === 1`)
}

// Two tabs share one stream, and the second takes over when the first goes.
func oneStream(t *testing.T, w *world) {
	g := startGraph(t)
	h := startTenant(t, w.binary, g, "-db", "memory")
	streams := count(t, h.base)
	first := w.visit(t, streams.base)
	first.as("dana")
	first.goTo(path("acme", "runs"))
	soon(t, "the first tab has a stream", func() bool { return streams.now.Load() == 1 })
	second := first.another()
	second.as("dana")
	second.goTo("/t/acme/inventory")
	second.click(`form[action$="/inventory/sync"] button`)
	second.at("/ops/t/acme/runs/")
	first.until("the first tab hears of the run", `document.querySelector('#fresh a') || document.querySelector('.ops-widget:not([hidden])')`)
	g.let(60)
	second.until("the second tab hears of its progress", `document.querySelector('.progressline progress')?.value > 0`)
	soon(t, "there is one stream", func() bool { return streams.now.Load() == 1 })

	first.do(chromedp.Navigate("about:blank"))
	g.release()
	second.until("the second tab hears of the end", `document.querySelector('.title .badge.succeeded')`)
	soon(t, "there is one stream", func() bool { return streams.now.Load() == 1 })
	// One may come before its predecessor has gone, when a tab wants more.
	if n := streams.highest.Load(); n > 2 {
		t.Errorf("%d streams at the same time", n)
	}
}

// A page goes on where it was when its server comes back.
func comesBack(t *testing.T, w *world) {
	g := startGraph(t)
	db := "file:" + t.TempDir() + "/host.db"
	h := startTenant(t, w.binary, g, "-db", db)
	b := w.visit(t, h.base)
	// That nobody answers for a while is the point.
	b.expect("net::ERR_")
	b.as("dana")
	b.goTo("/t/acme/inventory")
	b.click(`form[action$="/inventory/sync"] button`)
	b.at("/ops/t/acme/runs/")
	g.let(60)
	b.until("the bar has begun", `document.querySelector('.progressline progress')?.value > 0`)
	run[bool](b, `window.same = true`)
	h.stop(t)
	g.release()
	startTenant(t, w.binary, g, "-db", db, "-addr", strings.TrimPrefix(h.base, "http://"))
	b.until("the run has succeeded", `document.querySelector('.title .badge.succeeded')`)
	if !run[bool](b, `window.same === true`) {
		t.Error("the page was loaded again")
	}
}

// Without JavaScript everything is a page or a form.
func noScripts(t *testing.T, w *world) {
	g := startGraph(t)
	g.release()
	h := startTenant(t, w.binary, g, "-db", "memory")
	b := w.visit(t, h.base)
	b.noScripts()
	b.as("rosa")
	b.goTo("/t/acme/inventory")
	if !run[bool](b, `document.querySelector('form[action$="/inventory/sync"] button').disabled`) {
		t.Error("whoever may look only can start a sync")
	}
	b.as("dana")
	b.goTo("/t/acme/inventory")
	b.click(`form[action$="/inventory/sync"] button`)
	b.at("/ops/t/acme/runs/")
	soon(t, "the run has succeeded", func() bool {
		b.do(chromedp.Reload())
		return run[bool](b, `!!document.querySelector('.title .badge.succeeded')`)
	})
	if run[bool](b, `!!document.querySelector('.ops-widget')`) {
		t.Fatal("scripts run")
	}
	// A search, a tab, a row.
	b.click(`.crumbs a`)
	b.at("/runs")
	b.do(chromedp.SendKeys(chromedp.CSS(`input[type=search]`), "-status:failed"), chromedp.Click(chromedp.CSS(`form[role=search] button`)))
	b.at("not.")
	b.click(`table.runs tbody th a`)
	b.at("/runs/")
	// What one was told: opened, which reads it, and the rest at once.
	b.click(`ops-bell a`)
	b.at("/notifications")
	b.click(`.notes li.unread a`)
	b.at("/runs/")
	if got := run[string](b, `document.querySelector('ops-bell .count').firstChild.data`); got != "1" {
		t.Errorf("%s unread after one of two was opened, want 1", got)
	}
	b.click(`ops-bell a`)
	b.at("/notifications")
	b.click(`form[action$="/read-all"] button`)
	b.until("nothing is unread", `!document.querySelector('ops-bell .count')`)
}

// Whoever has forced colours still sees what is marked by a background alone
// elsewhere, and whoever wants no motion gets none.
func preferences(t *testing.T, w *world) {
	g := startGraph(t)
	h := startTenant(t, w.binary, g, "-db", "memory")
	b := w.visit(t, h.base)
	b.as("dana")
	b.goTo("/ops/t/acme/runs?status=queued")
	b.look(1280, "forced")
	if !run[bool](b, `matchMedia('(forced-colors: active)').matches && matchMedia('(prefers-reduced-motion: reduce)').matches`) {
		t.Fatal("the browser does not prefer what it was told to")
	}
	const border = `[...document.querySelectorAll('.ops nav a[aria-current]')].every((e) => parseFloat(getComputedStyle(e).borderTopWidth) > 0)`
	if !run[bool](b, border) {
		t.Error("with forced colours the current page has no border")
	}
	const moving = `[...document.querySelectorAll('*')].filter((e) => [getComputedStyle(e).transitionDuration, getComputedStyle(e).animationDuration].some((d) => parseFloat(d) > 0)).map((e) => e.outerHTML.slice(0, 100))`
	if diff := cmp.Diff([]string{}, run[[]string](b, moving)); diff != "" {
		t.Errorf("without motion, these move: %s", diff)
	}
	// Times in the zone of the visitor, on pages of the host as well.
	run[bool](b, `localStorage.setItem('ops', '{"zone":"named","zonename":"Asia/Kolkata"}') === undefined`)
	g.release()
	b.goTo("/t/acme/inventory")
	b.click(`form[action$="/inventory/sync"] button`)
	b.until("the run has succeeded", `document.querySelector('.title .badge.succeeded')`)
	b.goTo("/t/acme/inventory")
	b.until("times are those of Kolkata", `(() => {
		const e = document.querySelector('time.ops-time[data-absolute]');
		return e?.textContent === new Date(Date.parse(e.dateTime) + 5.5 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
	})()`)
}

// What no page may do is found: these tests can fail.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	w := &world{browser: startBrowser(t), axe: axe(t)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'self' 'sha256-x'; img-src *")
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><title>x</title><script>1</script><img src="http://other.invalid/x.png"><p style="width: 3000px">wide</p>`)
	}))
	t.Cleanup(s.Close)
	b := w.visit(t, s.URL)
	b.goTo("/")
	run[bool](b, `console.error('mine') || setTimeout(() => { throw new Error('thrown') }) > 0`)
	found := strings.Join(append(b.check(w.axe), b.reflow()), "\n")
	for _, part := range []string{"html-has-lang", "image-alt", "too wide"} {
		if !strings.Contains(found, part) {
			t.Errorf("not found: %s in %s", part, found)
		}
	}
	for _, part := range []string{"Content Security Policy", "other.invalid", "the console has", "thrown"} {
		soon(t, fmt.Sprintf("%q is found", part), func() bool { return b.forgive(part) })
	}
	b.expect("net::ERR_")
	b.forgive("net::ERR_")
}

// forgive takes back a fault with this text, if there is one.
func (b *tab) forgive(part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.faults)
	kept := b.faults[:0]
	for _, fault := range b.faults {
		if !strings.Contains(fault, part) {
			kept = append(kept, fault)
		}
	}
	b.faults = kept
	return len(kept) < before
}

func long() bool { return os.Getenv("TENANTATLAS_LONG") != "" }

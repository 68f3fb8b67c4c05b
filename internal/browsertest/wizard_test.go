package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// A valve is a Graph server whose answers can be held back again and again.
type valve struct {
	http.Handler
	mu   sync.Mutex
	pass chan struct{} // one for every answer; nil or closed, it is in nobody's way
}

func (v *valve) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	pass := v.pass
	v.mu.Unlock()
	if pass != nil {
		select {
		case <-pass:
		case <-r.Context().Done():
			return
		}
	}
	v.Handler.ServeHTTP(w, r)
}

// hold lets n more answers pass; release all.
func (v *valve) hold(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pass = make(chan struct{}, n)
	for range n {
		v.pass <- struct{}{}
	}
}

func (v *valve) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pass != nil {
		close(v.pass)
		v.pass = nil
	}
}

// The paths of what the test changes in the tenant.
const (
	scripts = "deviceManagement/deviceManagementScripts"
	rings   = "deviceManagement/deviceConfigurations"
)

// Somebody backs a tenant up, loses something, and puts it back: with pages and
// keys alone. The pages tell by themselves how it goes on.
func wizard(t *testing.T, w *world) {
	server, err := graphtest.New(graphtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := server.AddTenant(entraID)
	if err == nil {
		err = tenant.LoadDocument(graphtest.DemoTenant(7, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{Handler: server}
	s := httptest.NewServer(v)
	t.Cleanup(s.Close)
	t.Cleanup(v.release)
	h := startTenant(t, w.binary, &graph{base: s.URL}, "-db", "memory", "-role", "mika=manager")
	b := w.visit(t, h.base)
	b.as("dana")
	b.goTo("/t/acme/groups")
	b.presses(press{`form[action$="/groups/sync"] button`, kb.Enter, `document.querySelector('.title .badge.succeeded')`})

	backUp(b)
	for _, id := range tenant.IDs(scripts) {
		if err := tenant.Delete(scripts, id); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range tenant.IDs(rings) {
		if err := tenant.Patch(rings, id, []byte(`{"description":"Nobody knows who has written this."}`)); err != nil {
			t.Fatal(err)
		}
	}
	plan(b)
	other := w.visit(t, h.base)
	other.as("mika")
	mapTogether(b, other)
	execute(b, other, v)
	afterwards(b)
}

// stays makes sure that the page is not loaded again until the function that it
// returns is called.
func (b *tab) stays() func() {
	b.Helper()
	run[bool](b, `window.same = true`)
	return func() {
		b.Helper()
		if !run[bool](b, `window.same === true`) {
			b.Error("the page was loaded again")
		}
	}
}

// What is true after a start, and when what was started has ended.
const (
	started = `location.search.includes('started=new')`
	ended   = `document.querySelector('.status .badge:is(.succeeded, .partially_succeeded)')`
)

// backUp captures everything, verifies it, and takes it out.
func backUp(b *tab) {
	b.Helper()
	b.presses(
		press{`header nav a[href$="/backups"]`, kb.Enter, `location.pathname.endsWith('/backups')`},
		press{"main form.stack button", kb.Enter, `location.pathname.endsWith('/add')`},
		press{"button[value=everything]", kb.Enter, started},
	)
	still := b.stays()
	b.until("the set is complete", ended+` && document.querySelector('.title .badge.succeeded') && document.querySelectorAll('tbody tr').length === 50`)
	still()
	got := b.downloads()
	b.presses(
		press{`.actions a[href$="/certificate"]`, kb.Enter, `document.body.innerText.includes('Everything that was asked for is in the set.')`},
		press{".crumbs a:last-of-type", kb.Enter, `document.getElementById('depth')`},
		press{"#depth", kb.ArrowDown + kb.ArrowUp, `document.activeElement.value === 'plan'`},
		press{`form[action$="/verify"] button`, kb.Enter, started + ` && document.querySelectorAll('.plainlist .badge.succeeded').length === 2`},
		press{`form[action$="/export"] button`, kb.Enter, started + ` && document.querySelectorAll('.plainlist .badge.succeeded').length === 3`},
		press{`a[href$="/export"]`, kb.Enter, ""},
	)
	if begins := got("*.zip"); !strings.HasPrefix(begins, "PK") {
		b.Errorf("the archive begins with %q", begins)
	}
}

// plan chooses the set and everything in it, up to the mapping.
func plan(b *tab) {
	b.Helper()
	b.presses(
		press{`.actions a[href*="/restores/new"]`, kb.Enter, `location.pathname.endsWith('/restores/new')`},
		press{"main form button.primary", kb.Enter, `location.pathname.endsWith('/scope')`},
		press{"button[value=everything]", kb.Enter, `location.pathname.endsWith('/mapping')`},
	)
	if said := run[string](b, `document.getElementById('help').checkVisibility() ? document.body.innerText : ''`); !strings.Contains(said, "Unresolved (…") || !strings.Contains(said, "Finance Rotterdam") {
		b.Errorf("the mapping does not show its help, what is unresolved and what is not:\n%s", said)
	}
	// Help and what stands where are of one page in another browser, too.
	b.look(320, "dark")
	if wide := b.reflow(); wide != "" {
		b.Errorf("the mapping is %s", wide)
	}
	b.look(1280, "light")
}

// mapTogether answers by name and gives the rest up, while another browser has an
// older page.
func mapTogether(b, other *tab) {
	b.Helper()
	at := run[string](b, `location.pathname`)
	other.goTo(at)
	open := run[[]int](b, `[...document.querySelectorAll('main tbody tr')].flatMap((r, i) => r.querySelector('[name=to]').value ? [] : [i + 1])`)
	b.presses(press{"tr:has([name=to][value='']) [name=to]", "Finance Rotterdam", `document.activeElement.value === 'Finance Rotterdam'`})
	for _, row := range open[1:] {
		b.presses(press{fmt.Sprintf("tr:nth-child(%d) [name=skip]", row), " ", `document.activeElement.checked`})
	}
	b.presses(press{"main form button.primary", kb.Enter, `location.pathname.endsWith('/preview')`})

	other.expect("a status of 409")
	run[bool](other, `(() => { for (const e of document.querySelectorAll('[name=skip]')) e.checked = true; return true; })()`)
	other.click(`main form button.primary`)
	other.until("the older page is refused", `document.querySelector('h1').innerText.startsWith('409')`)
	other.click(`main a.primary`)
	other.at(at)
	other.until("it shows the answers", `document.body.innerText.includes('Everything has an answer')`)
	if answers := run[int](other, `[...document.querySelectorAll('strong')].filter((e) => e.innerText === 'Finance Rotterdam').length`); answers != 2 {
		b.Errorf("%d things lead to the group that was named, want itself and the one that was unresolved", answers)
	}
}

// execute previews and executes, and sees each item change where it stands.
func execute(b, other *tab, v *valve) {
	b.Helper()
	b.presses(press{"main form.inline button", kb.Enter, started})
	still := b.stays()
	b.until("the preview has ended", ended+` && document.querySelector('.actions a.primary') && document.querySelector('.outcome .badge')`)
	still()
	b.presses(
		press{`.tabs a[href*="decision=update"]`, kb.Enter, `location.search.includes('update')`},
		press{".outcome summary", kb.Enter, `document.querySelector('.diff').checkVisibility()`},
	)
	if shown := run[string](b, `document.querySelector('.diff').innerText`); !strings.Contains(shown, "In acme now") || !strings.Contains(shown, "From the backup") {
		b.Errorf("the differences have no names: %s", shown)
	}
	b.presses(
		press{".actions a.primary", kb.Enter, `location.pathname.endsWith('/execute')`},
		press{"[name=acknowledge]", " ", `document.activeElement.checked`},
		press{"[name=confirm]", "acme", `document.activeElement.value === 'acme'`},
	)
	v.hold(0)
	b.presses(press{"button[value=real]", kb.Enter, started})
	other.goTo(run[string](b, `location.pathname + '?decision=create,update'`))
	still = b.stays()
	const rows = `[...document.querySelectorAll('.outcome > tbody > tr:not(.more)')]`
	names := rows + `.map((r) => r.querySelector('th').innerText).join()`
	before := run[string](b, names)
	run[bool](b, `(() => {
		window.jumps = 0;
		window.jumped = [];
		new PerformanceObserver((l) => l.getEntries().forEach((e) => {
			window.jumps += e.value;
			e.sources.forEach((s) => window.jumped.push([e.value.toFixed(3), s.node?.nodeName, s.node?.textContent?.trim().slice(0, 40), 'from', s.previousRect.top, s.previousRect.height, 'to', s.currentRect.top, s.currentRect.height].join(' ')));
		})).observe({ type: 'layout-shift' });
		return true;
	})()`)
	b.tabTo(".outcome > tbody > tr:not(.more) ~ tr:not(.more) th a")
	focus := b.focused()
	v.release()
	v.hold(60)
	b.until("something is on its way", rows+`.some((r) => /intent|created|written|assigned/.test(r.innerText))`)
	v.release()
	for _, page := range []*tab{b, other} {
		page.until("everything is verified, with the ids of the requests", ended+` && `+rows+`.every((r) => /verified/.test(r.innerText) && /Request [0-9a-f-]{36}/.test(r.innerText))`)
	}
	still()
	if now := run[string](b, names); now != before {
		b.Errorf("the rows were %s and are %s", before, now)
	}
	if now := b.focused(); now != focus {
		b.Errorf("the focus was at %s and is at %s", focus, now)
	}
	if jumps := run[float64](b, `window.jumps`); jumps > 0.05 {
		b.Errorf("the page has jumped by %v, want 0.05 at most:\n%s", jumps, run[string](b, `window.jumped.join("\n")`))
	}
}

// afterwards plans again what did not succeed, and the restore of one version.
func afterwards(b *tab) {
	b.Helper()
	version := run[string](b, `document.querySelector('.outcome th a').getAttribute('href')`)
	b.presses(press{`form[action$="/rerun"] button`, kb.Enter, `location.pathname.endsWith('/mapping') && document.body.innerText.includes('what did not succeed in an earlier one')`})
	b.goTo(version)
	b.presses(press{`form[action$="/restores"] button`, kb.Enter, `location.pathname.endsWith('/scope')`})
	b.until("it is of one item", `document.querySelector('main strong').innerText.startsWith('1 of ')`)
	b.goTo("/t/acme/access?role=operator")
	if why := run[string](b, `(e => e.disabled ? document.getElementById(e.getAttribute('aria-describedby')).innerText : '')(document.querySelector('main fieldset'))`); !strings.Contains(why, "you have not signed in") {
		b.Errorf("the picker of groups does not say why it is disabled: %q", why)
	}
}

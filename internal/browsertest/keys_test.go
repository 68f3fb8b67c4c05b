package browsertest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A press is a step of somebody who has nothing but a keyboard.
type press struct {
	to   string // Tab leads to what this selects; "" stays where one is
	keys string // and then these are pressed
	then string // until this expression of JavaScript is true
}

// presses takes steps, each of which can be seen: whatever Tab stops at on the way
// shows a ring, and what has the focus keeps it as long as the page stays.
func (b *tab) presses(steps ...press) {
	b.Helper()
	for _, s := range steps {
		if s.to != "" {
			b.tabTo(s.to)
		}
		const where = `[performance.timeOrigin, document.activeElement !== document.body].join()`
		before := run[string](b, where)
		b.keys(s.keys)
		if s.then != "" {
			b.until(fmt.Sprintf("%q at %s leads to what it should", s.keys, s.to), `document.readyState === 'complete' && (`+s.then+`)`)
		}
		if page, held := strings.CutSuffix(before, ",true"); held && run[string](b, where) == page+",false" {
			b.Errorf("%q at %s loses the focus", s.keys, s.to)
		}
	}
}

// stop says what is wrong with the element that has the focus ("" if nothing has
// it, which is where the page ends), or whether it is the one that is looked for.
const stop = `((selector) => {
	const e = document.activeElement, s = getComputedStyle(e), box = e.getBoundingClientRect();
	if (e === document.body) return '';
	const what = e.outerHTML.slice(0, 120);
	if (e.tabIndex > 0) return 'a place of its own in the order: ' + what;
	if (s.outlineStyle === 'none' || !(parseFloat(s.outlineWidth) >= 2)) return 'no ring: ' + what;
	const own = (at) => at && (e.contains(at) || at.contains(e) && at.matches('label, a, button'));
	const seen = [.1, .3, .5, .7, .9].some((x) => [.1, .5, .9].some((y) => own(document.elementFromPoint(box.left + x * box.width, box.top + y * box.height))));
	if (!seen) return 'hidden: ' + what + ' ' + JSON.stringify(box);
	return e.matches(selector) ? 'there' : 'on';
})(%q)`

// tabTo presses Tab until what selector selects has the focus, past the navigation
// if it is below that.
func (b *tab) tabTo(selector string) {
	b.Helper()
	b.until(selector+" is there", fmt.Sprintf(`document.readyState === 'complete' && document.querySelector(%q)`, selector))
	// What is in the content of a new page is reached as people do it who know how.
	if run[bool](b, fmt.Sprintf(`document.activeElement === document.body && !!document.querySelector(%q).closest('main')`, selector)) {
		b.keys(kb.Tab + kb.Enter)
	}
	ends := 0
	for range 400 {
		b.keys(kb.Tab)
		switch at := run[string](b, fmt.Sprintf(stop, selector)); at {
		case "there":
			return
		case "on":
		case "":
			if ends++; ends > 1 {
				b.Fatalf("Tab does not lead to %s", selector)
			}
		default:
			b.Errorf("on the way to %s at %s, %s", selector, run[string](b, `location.pathname`), at)
		}
	}
	b.Fatalf("Tab does not end at %s", selector)
}

// downloads has the files that the visitor takes out come into a directory, and
// returns how each begins.
func (b *tab) downloads() func(name string) string {
	b.Helper()
	dir := b.TempDir()
	c := chromedp.FromContext(b.ctx)
	if _, err := cdp.Call(b.ctx, c.Browser, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: c.BrowserContextID,
	}); err != nil {
		b.Fatal(err)
	}
	return func(name string) string {
		b.Helper()
		var found []string
		soon(b.TB, name+" is downloaded", func() bool {
			found, _ = filepath.Glob(filepath.Join(dir, name))
			return len(found) > 0
		})
		content, err := os.ReadFile(found[0])
		if err != nil {
			b.Fatal(err)
		}
		return string(content[:min(len(content), 20)])
	}
}

// Whoever has no mouse does everything in the hub, the demo's own parts included.
func hubKeys(t *testing.T, w *world) {
	b := w.visit(t, start(t, w.binary, "-actions", "-db", "memory").base)
	got := b.downloads()
	list := path("contoso", "runs")

	b.goTo(list)
	b.presses(
		press{".ops-skip", kb.Enter, `document.activeElement.id === 'main'`},
		press{"", kb.Tab, `document.activeElement === document.querySelector('main a')`}, // past all of the navigation

		// Filters: a tab, a select, a chip, words.
		press{`.tabs a[href*="failed"]`, kb.Enter, `location.search.includes('outcome=failed')`},
		press{"select[name=type]", "Inv", `document.activeElement.value === 'inventory.sync'`},
		press{"form[role=search] button", kb.Enter, `location.search.includes('type=inventory.sync')`},
		press{".chips a", kb.Enter, `!location.search.includes('type=')`},
		press{"input[type=search]", "-status:failed" + kb.Enter, `location.search.includes('not.')`},
	)

	// Pages, and what is on them taken out.
	b.goTo(list + "?limit=3")
	b.presses(
		press{"a[rel=next]", kb.Enter, `location.search.includes('after=')`},
		press{"a[rel=prev]", kb.Enter, `!location.search.includes('after=')`},
		press{`a[href*="csv"]`, kb.Enter, ""},
		press{`a[href*="jsonl"]`, kb.Enter, ""},
	)
	if csv, jsonl := got("*.csv"), got("*.jsonl"); !strings.HasPrefix(csv, "id,") || !strings.HasPrefix(jsonl, `{"id":"`) {
		t.Errorf("the exports begin with %q and %q", csv, jsonl)
	}

	// A run is opened, canceled, and run again.
	const canceled = `document.querySelector('.title .badge.canceled')`
	b.goTo(list + "?status=running")
	b.presses(
		press{"table.runs tbody th a", kb.Enter, `document.querySelector('form[action$="/cancel"]')`},
		press{`form[action$="/cancel"] input`, "Not needed", `document.activeElement.value === 'Not needed'`},
		press{`form[action$="/cancel"] button`, kb.Enter, canceled},
		press{".crumbs a", kb.Enter, `location.pathname.endsWith('/runs')`},
	)
	b.goTo(list + "?outcome=canceled")
	b.presses(
		press{"table.runs tbody th a", kb.Enter, canceled},
		press{`form[action$="/retry"] button`, kb.Enter, `document.querySelector('.title .badge:is(.queued, .running)')`},
		press{".ops-pause", " ", `document.activeElement.innerText.startsWith('Resume')`},
		press{"", " ", `document.activeElement.innerText.startsWith('Pause')`},
		// The widget folds, and shows what others have started.
		press{".ops-fold", kb.Enter, `document.activeElement.ariaExpanded === 'false' && document.getElementById('ops-widget').hidden`},
		press{"", kb.Enter, `document.activeElement.ariaExpanded === 'true'`},
		press{".ops-widget footer input", " ", `document.activeElement.checked`},
		press{".ops-widget li a", kb.Enter, `location.pathname.includes('/runs/')`},
	)

	b.notesByKeys()
	b.settingsByKeys()
	b.demoByKeys()
}

// notesByKeys reads what the visitor was told.
func (b *tab) notesByKeys() {
	b.Helper()
	const unread = `document.querySelectorAll('.notes li.unread').length`
	b.presses(
		press{"ops-bell a", kb.Enter, `location.pathname.endsWith('/notifications')`},
		press{".notes li.unread a", kb.Enter, `location.pathname.includes('/runs/')`},
		press{"ops-bell a", kb.Enter, `location.pathname.endsWith('/notifications')`},
	)
	before := run[int](b, unread)
	b.presses(
		press{`.notes form[action$="/read"] button`, kb.Enter, fmt.Sprint(unread, " === ", before-1)},
		press{`form[action$="/read-all"] button`, kb.Enter, unread + ` === 0 && !document.querySelector('ops-bell .count')`},
	)
}

// settingsByKeys tries the settings, and the single keys with and without them.
func (b *tab) settingsByKeys() {
	b.Helper()
	b.goTo(path("contoso", "runs"))
	b.until("the page listens", `document.querySelector('.ops-pause')?.innerText`)
	b.presses(
		press{"", "j", `document.activeElement.matches('table.runs tbody th a')`},
		press{"", "?", `document.querySelector('dialog')?.open`},
		press{"dialog button", kb.Enter, `!document.querySelector('dialog') && document.activeElement.matches('table.runs tbody th a')`},
		press{"", "/", `document.activeElement.name === 'q'`},
		press{"", "?", `document.activeElement.value.endsWith('?') && !document.querySelector('dialog')`}, // a word to look for
		press{"form[role=search] button", "?", `document.querySelector('dialog')?.open`},
		press{"", kb.Escape, `!document.querySelector('dialog') && document.activeElement.matches('form[role=search] button')`},
		press{"", "p", `document.querySelector('.ops-pause').innerText.startsWith('Resume')`},
		press{"", "p", `document.querySelector('.ops-pause').innerText.startsWith('Pause')`},
		press{"", "gn", `location.pathname.endsWith('/notifications') && document.querySelector('.ops-pause')?.innerText`},
		press{"", "gr", `location.pathname.endsWith('/runs')`},

		press{`nav a[href*="/settings"]`, kb.Enter, `document.querySelector('.ops-pause')?.innerText`},
		press{"input[name=theme]:checked", kb.ArrowDown + kb.ArrowDown, `document.documentElement.dataset.theme === 'dark'`},
		press{"input[name=density]:checked", kb.ArrowDown, `document.documentElement.dataset.density === 'compact'`},
		press{"input[name=times]:checked", kb.ArrowDown, `document.activeElement.value === 'absolute'`},
		press{"input[name=zone]:checked", kb.ArrowDown, `document.activeElement.checked && document.activeElement.name === 'zone'`},
		press{"input[name=live]:checked", kb.ArrowDown + kb.ArrowUp, `document.activeElement.value === 'on'`},
		press{"input[name=shortcuts]:checked", kb.ArrowDown, `document.activeElement.value === 'off' && document.getElementById('saved').innerText`},
		press{`nav a[href*="/help"]`, kb.Enter, `location.pathname.endsWith('/help')`},
	)
	b.goTo(path("contoso", "runs"))
	b.until("the page listens", `document.querySelector('.ops-pause')?.innerText`)
	b.keys("j?")
	if !run[bool](b, `document.activeElement === document.body && !document.querySelector('dialog')`) {
		b.Error("keys do something although they are off")
	}
}

// demoByKeys goes to another tenant, gives somebody access, and is somebody else.
func (b *tab) demoByKeys() {
	b.Helper()
	const group = `tbody a[href*="group="]`
	b.presses(
		press{`nav a[href$="/t/fabrikam/"]`, kb.Enter, `location.pathname.includes('/fabrikam/')`},
		press{`header nav a[href$="/access"]`, kb.Enter, `location.pathname.endsWith('/access')`},
		press{"select[name=role]", "Op", `document.activeElement.value === 'operator'`},
		press{"main form button", kb.Enter, `location.search.includes('role=operator')`},
		press{`form[action$="/access/signin"] button`, kb.Enter, `document.querySelector('form[action$="/access/signout"]')`},
		press{"input[name=q]", "fin" + kb.Enter, "document.querySelector('" + group + "')"},
		press{group, kb.Enter, `document.body.innerText.includes('3. What to do')`},
		press{"#user", "Ros", `document.activeElement.selectedOptions[0].text.startsWith('Rosa')`},
		press{`form[action="/demo/user"] button`, kb.Enter, `document.querySelector('#user option[selected]').text.startsWith('Rosa')`},
	)
}

// hostKeys backs something up and compares it without a mouse, and dismisses what
// has failed.
func hostKeys(t *testing.T, w *world) {
	g := startGraph(t)
	g.release()
	h := startTenant(t, w.binary, g, "-db", "memory")
	b := w.visit(t, h.base)
	b.as("dana")

	g.hold()
	g.refuse.Store(true)
	b.goTo("/t/acme/groups")
	b.presses(
		press{`form[action$="/groups/sync"] button`, kb.Enter, `location.pathname.includes('/runs/')`},
		press{`header nav a[href$="/inventory"]`, kb.Enter, `document.querySelector('.ops-widget .badge.running')`},
	)
	g.release()
	b.until("what has failed stays", `document.querySelector('.ops-widget .badge.failed')`)
	b.presses(press{".ops-widget li button", kb.Enter, `document.querySelector('.ops-widget').hidden`})
	g.refuse.Store(false)
	b.presses(
		press{`form[action$="/inventory/sync"] button`, kb.Enter, `document.querySelector('.title .badge.succeeded')`},
		press{`header nav a[href$="/inventory"]`, kb.Enter, `document.querySelector('main tbody th a')`},
		press{"select[name=kind]", "Ass", `document.activeElement.value === 'assignmentFilter'`},
		press{"main form.filter button", kb.Enter, `location.search.includes('assignmentFilter')`},
		press{"main tbody th a", kb.Enter, `location.pathname.includes('/items/assignmentFilter/')`},
	)
	const filters = "deviceManagement/assignmentFilters"
	id := g.Tenant(entraID).IDs(filters)[0]
	b.capture("Before", id)
	if err := g.Tenant(entraID).Patch(filters, id, []byte(`{"description":"Somebody else's"}`)); err != nil {
		t.Fatal(err)
	}
	b.capture("After", id)
	b.presses(
		press{"main tbody th a", kb.Enter, `location.pathname.includes('/versions/')`},
		press{`main td a[href*="with="]`, kb.Enter, `document.querySelector('.diff ins')?.innerText.includes("Somebody else's")`},
	)
}

// capture makes a backup set of one object, which it picks from the inventory.
func (b *tab) capture(name, id string) {
	b.Helper()
	b.presses(
		press{`header nav a[href$="/backups"]`, kb.Enter, `location.pathname.endsWith('/backups')`},
		press{"main input[name=name]", name, `document.activeElement.value.includes('` + name + `')`},
		press{"main form.stack button", kb.Enter, `location.pathname.endsWith('/add')`},
		press{"select[name=kind]", "Ass", `document.activeElement.value === 'assignmentFilter'`},
		press{"main form.filter button", kb.Enter, `location.search.includes('assignmentFilter')`},
		press{`[name=item][value$="` + id + `"]`, " ", `document.activeElement.checked`},
	)
	// The button is before the list.
	b.presses(press{"button[value=marked]", kb.Enter, ended + ` && document.querySelectorAll('main tbody tr[role=row] th').length === 1`})
}

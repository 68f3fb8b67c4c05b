package browsertest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A place is a page in one of its states.
type place struct {
	name, path string
	status     int    // 0 means 200
	ready      string // what is true when it is complete
	user       string // "" means the owner
}

// places are all pages of the demo: with much, with nothing, with errors.
func places(b *tab) []place {
	b.Helper()
	all := []place{
		{name: "inventory", path: "/t/fabrikam/inventory"},
		{name: "inventory of one who may look only", path: "/t/fabrikam/inventory", user: "readonly"},
		{name: "inventory, nothing", path: "/t/fabrikam/inventory?q=nosuchname"},
		{name: "coverage", path: "/t/fabrikam/inventory/coverage"},
		{name: "an item", path: run[string](b, `document.querySelector('tbody th a').getAttribute('href')`)},
		{name: "groups", path: "/t/fabrikam/groups"},
		{name: "access", path: "/t/fabrikam/access"},
		{name: "no such page", path: "/nosuchpage", status: 404},
		{name: "overview", path: path("contoso")},
		{name: "overview, quiet", path: path("fabrikam")},
		{name: "runs", path: path("contoso", "runs"), ready: `document.querySelector('.ops-widget:not([hidden])')`},
		{name: "runs, filtered", path: path("contoso", "runs?outcome=succeeded,failed&not.type=demo.rehearsal&since=720h&nosuch=1")},
		{name: "runs, nothing", path: path("contoso", "runs?type=inventory.sync&status=queued")},
		{name: "runs, readonly", path: path("contoso", "runs"), user: "readonly"},
		{name: "runs, no such cursor", path: path("contoso", "runs?after=nonsense"), status: 400},
		{name: "no such run", path: path("contoso", "runs/nosuchrun"), status: 404},
		{name: "types", path: path("contoso", "types")},
		{name: "audit", path: path("contoso", "audit")},
		{name: "audit, not allowed", path: path("contoso", "audit"), user: "readonly", status: 403},
		{name: "notifications", path: "/ops/notifications"},
		{name: "notifications, nothing", path: "/ops/notifications", user: "readonly"},
		{name: "settings", path: "/ops/settings"},
		{name: "help", path: "/ops/help"},
	}
	for _, state := range []string{"status=running", "outcome=succeeded", "outcome=partially_succeeded", "outcome=failed", "outcome=canceled", "outcome=blocked"} {
		b.goTo(path("contoso", "runs?", state))
		all = append(all, place{name: "run, " + state, path: run[string](b, `document.querySelector('table.runs tbody th a').getAttribute('href')`)})
	}
	return all
}

// demo opens a demo that has synced, at its inventory.
func demo(t *testing.T, w *world) *tab {
	t.Helper()
	h := start(t, w.binary, "-actions", "-db", "memory")
	b := w.visit(t, h.base)
	b.goTo("/t/fabrikam/inventory")
	b.click(`form[action$="/inventory/sync"] button`)
	b.at("/ops/t/fabrikam/runs/")
	b.until("the run has ended", `document.querySelector('.title .badge.succeeded, .title .badge.partially_succeeded')`)
	b.goTo("/t/fabrikam/inventory")
	return b
}

// be makes the visitor of the demo somebody else.
func (b *tab) be(user string) {
	b.Helper()
	if user == "" {
		user = "owner"
	}
	b.goTo("/ops/help")
	if run[string](b, `document.getElementById('user').value`) == user {
		return
	}
	b.do(chromedp.SetValue(chromedp.CSS("#user"), user), chromedp.Click(chromedp.CSS(`form[action="/demo/user"] button`)))
	b.until("the visitor is "+user, fmt.Sprintf(`document.readyState === 'complete' && location.pathname === '/ops/help' && document.querySelector('#user option[selected]')?.value === %q`, user))
}

// see opens a place.
func (b *tab) see(p place) {
	b.Helper()
	if p.status != 0 {
		b.expect(fmt.Sprintf("a status of %d (%s) %s%s", p.status, http.StatusText(p.status), b.base, p.path))
	}
	b.goTo(p.path)
	status := run[int](b, `performance.getEntriesByType('navigation')[0].responseStatus`)
	if want := max(p.status, 200); status != want {
		b.Errorf("%s: %s is answered with %d, want %d", p.name, p.path, status, want)
	}
	if p.ready != "" {
		b.until(p.name+" is complete", p.ready)
	}
}

// Every page is fit for all, light and dark, wide and narrow. Not in the long
// mode it is a third of them for axe.
func pages(t *testing.T, w *world) {
	b := demo(t, w)
	user, checked := "", 0
	all := places(b)
	for i, p := range all {
		if p.user != user {
			user = p.user
			b.be(user)
		}
		for j, look := range []struct {
			width int64
			theme string
		}{{1280, "light"}, {320, "light"}, {320, "dark"}, {1280, "dark"}} {
			chosen := long() || (i+j)%3 == 0
			if !chosen && j != 1 {
				continue // every page is looked at narrow
			}
			b.look(look.width, look.theme)
			b.see(p)
			at := fmt.Sprintf("%s (%s), %s, %d px", p.name, p.path, look.theme, look.width)
			if wide := b.reflow(); wide != "" {
				t.Errorf("%s is %s", at, wide)
			}
			if !chosen {
				continue
			}
			checked++
			if found := b.check(w.axe); len(found) > 0 {
				t.Errorf("%s:\n\t%s", at, strings.Join(found, "\n\t"))
			}
		}
	}
	b.be("")
	b.keys("?")
	b.until("the help is open", `document.querySelector('dialog')?.open`)
	if found := b.check(w.axe); len(found) > 0 {
		t.Errorf("the help above a page:\n\t%s", strings.Join(found, "\n\t"))
	}
	t.Logf("%d of %d views were checked", checked, 4*len(all))
}

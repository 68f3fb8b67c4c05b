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
	post       string // the fields of a form that leads there; "" for a link
}

// see opens a place.
func (b *tab) see(p place) {
	b.Helper()
	if p.status != 0 {
		b.expect(fmt.Sprintf("a status of %d (%s) %s%s", p.status, http.StatusText(p.status), b.base, p.path))
	}
	if p.post == "" {
		b.goTo(p.path)
	} else {
		b.submit(p.path, p.post)
	}
	status := run[int](b, `performance.getEntriesByType('navigation')[0].responseStatus`)
	if want := max(p.status, 200); status != want {
		b.Errorf("%s: %s is answered with %d, want %d", p.name, p.path, status, want)
	}
	if p.ready != "" {
		b.until(p.name+" is complete", p.ready)
	}
}

// submit sends fields to a path of the host, as a form of the page does.
func (b *tab) submit(path, fields string) {
	b.Helper()
	run[bool](b, fmt.Sprintf(`(() => {
		const form = document.createElement('form');
		form.method = 'post';
		form.action = %q;
		for (const [name, value] of new URLSearchParams(%q)) {
			const field = document.createElement('input');
			[field.type, field.name, field.value] = ['hidden', name, value];
			form.append(field);
		}
		document.body.append(form);
		setTimeout(() => form.submit());
		return window.sent = true;
	})()`, path, fields))
	b.until(path+" answers", `!window.sent && document.readyState === 'complete'`)
}

// A view is how a page is looked at.
type view struct {
	width int64
	theme string
}

func (v view) String() string { return fmt.Sprintf("%s, %d px", v.theme, v.width) }

// views are how every page is looked at.
func views() []view {
	return []view{{1280, "light"}, {320, "dark"}, {320, "light"}, {1280, "dark"}}
}

// look sees all places, light and dark, wide and narrow: each is fit for all. Not
// in the long mode, axe sees a third of that, and something of every place.
func (w *world) look(b *tab, all []place, be func(user string)) {
	b.Helper()
	user, checked := "", 0
	views := views()
	for i, p := range all {
		if p.user != user {
			user = p.user
			be(user)
		}
		b.look(views[0].width, views[0].theme)
		b.see(p)
		for j, v := range views {
			chosen := long() || (i+j)%3 == 0
			if !chosen && j != 1 {
				continue // every page is looked at narrow
			}
			b.look(v.width, v.theme)
			at := fmt.Sprintf("%s (%s), %v", p.name, p.path, v)
			if wide := b.reflow(); wide != "" {
				b.Errorf("%s is %s", at, wide)
			}
			if !chosen {
				continue
			}
			checked++
			if found := b.check(w.axe); len(found) > 0 {
				b.Errorf("%s:\n\t%s", at, strings.Join(found, "\n\t"))
			}
		}
	}
	be("")
	b.Logf("%d of %d views were checked", checked, len(views)*len(all))
}

// hubPages sees the pages of the hub and those of the demo alone.
func hubPages(t *testing.T, w *world) {
	b := demo(t, w)
	w.look(b, places(b), b.be)
	b.goTo(path("contoso", "runs"))
	b.until("the page listens", `document.querySelector('.ops-pause')`) // its module comes after its load
	b.keys("?")
	b.until("the help is open", `document.querySelector('dialog')?.open`)
	for _, v := range views()[:2] { // narrow and wide, light and dark
		b.look(v.width, v.theme)
		if found := append(b.check(w.axe), b.reflow()); strings.Join(found, "") != "" {
			t.Errorf("the help above a page, %v:\n\t%s", v, strings.Join(found, "\n\t"))
		}
	}
}

// places are the pages of the hub, and those that only the demo has: with much,
// with nothing, with errors.
func places(b *tab) []place {
	b.Helper()
	all := []place{
		{name: "inventory of the demo", path: "/t/fabrikam/inventory"},
		{name: "inventory, never synced", path: "/t/contoso/inventory", ready: `document.querySelector('.ops-widget:not([hidden])')`},
		{name: "access, not signed in", path: "/t/fabrikam/access"},
		{name: "no such page", path: "/nosuchpage", status: 404},
		{name: "overview", path: path("contoso")},
		{name: "overview, quiet", path: path("fabrikam")},
		{name: "runs", path: path("contoso", "runs"), ready: `document.querySelector('.ops-widget:not([hidden])')`},
		{name: "runs, filtered", path: path("contoso", "runs?outcome=succeeded,failed&not.type=demo.rehearsal&since=720h&nosuch=1")},
		{name: "runs, nothing", path: path("contoso", "runs?type=inventory.sync&status=queued")},
		{name: "runs, readonly", path: path("contoso", "runs"), user: "readonly"},
		{name: "audit, not allowed", path: path("contoso", "audit"), user: "readonly", status: 403},
		{name: "notifications, nothing", path: "/ops/notifications", user: "readonly"},
		{name: "runs, no such cursor", path: path("contoso", "runs?after=nonsense"), status: 400},
		{name: "no such run", path: path("contoso", "runs/nosuchrun"), status: 404},
		{name: "types", path: path("contoso", "types")},
		{name: "audit", path: path("contoso", "audit")},
		{name: "notifications", path: "/ops/notifications"},
		{name: "settings", path: "/ops/settings"},
		{name: "help", path: "/ops/help"},
	}
	for _, state := range []string{"status=running", "outcome=succeeded", "outcome=partially_succeeded", "outcome=failed", "outcome=canceled", "outcome=blocked"} {
		b.goTo(path("contoso", "runs?", state))
		all = append(all, place{name: "run, " + state, path: run[string](b, `document.querySelector('table.runs tbody th a').getAttribute('href')`)})
	}
	return append(all, access(b)...)
}

// access are the steps of the wizard, for which one signs in.
func access(b *tab) []place {
	b.Helper()
	const at = "/t/fabrikam/access"
	b.goTo(at + "?role=operator")
	b.click(`form[action$="/access/signin"] button`)
	b.until("the visitor is signed in", `document.readyState === 'complete' && document.querySelector('form[action$="/access/signout"]')`)
	b.do(chromedp.SendKeys(chromedp.CSS(`input[name=q]`), "a"), chromedp.Click(chromedp.CSS(`fieldset button`)))
	b.until("groups were found", `document.readyState === 'complete' && document.querySelector('tbody a[href*="group="]')`)
	found := run[string](b, `location.pathname + location.search`)
	chosen := run[string](b, `location.pathname + document.querySelector('tbody a[href*="group="]').getAttribute('href')`)
	return []place{
		{name: "access, no role", path: at},
		{name: "access, groups", path: found},
		{name: "access, no group", path: at + "?role=operator&q=nosuchgroup"},
		{name: "access, chosen", path: chosen},
	}
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

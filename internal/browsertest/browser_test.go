package browsertest_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// findBrowser returns where a Chromium is, without which there is nothing to
// test.
func findBrowser(t testing.TB) string {
	t.Helper()
	// Debian's commands are scripts that do not become the browser.
	for _, name := range []string{
		os.Getenv("TENANTATLAS_BROWSER"), "/usr/lib/chromium/chromium-headless-shell", "/usr/lib/chromium/chromium",
		"chrome-headless-shell", "chromium", "google-chrome",
	} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	missing(t, "there is no Chromium: apt-get install chromium-headless-shell fonts-dejavu-core, or set TENANTATLAS_BROWSER")
	return ""
}

// missing skips a test, but not where nothing may be skipped.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// startBrowser starts a browser that can reach this machine and no other.
func startBrowser(t testing.TB) context.Context {
	t.Helper()
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(findBrowser(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("lang", "en-US"),
		chromedp.Flag("accept-lang", "en-US"),
		chromedp.WindowSize(1280, 900),
	)
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox)
	}
	all, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(all)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

// A world is what the tests share.
type world struct {
	browser context.Context
	binary  string // of the reference host
	axe     string // the script
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{browser: startBrowser(t), axe: axe(t), binary: buildHost(t)}
}

// A tab is a page that somebody looks at. What no page may do (break its policy,
// write errors to the console, ask another host) fails the test when it ends.
type tab struct {
	testing.TB
	ctx  context.Context
	base string

	mu     sync.Mutex
	faults []string
	unlike []string // parts of faults that are to be expected here
}

// visit opens a tab of a visitor of its own: with neither the cookies nor the
// settings of others.
func (w *world) visit(t testing.TB, base string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(w.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return open(ctx, t, base)
}

// another opens a second tab of the same visitor.
func (b *tab) another() *tab {
	b.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.Cleanup(cancel)
	return open(ctx, b.TB, b.base)
}

func open(ctx context.Context, t testing.TB, base string) *tab {
	t.Helper()
	b := &tab{TB: t, ctx: ctx, base: base}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, fault := range b.faults {
			t.Error(fault)
		}
		if t.Failed() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText.slice(0, 2000)`))
			t.Logf("the page at the end: %s", text)
		}
	})
	// The tab lives as long as the context of the first thing that is done.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 900))
	return b
}

// hear is told what happens in the tab.
func (b *tab) hear(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			b.fault("the browser says: ", e.Entry.Text, " ", e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.fault("the console has: ", e.Args)
		}
	case *runtime.EventExceptionThrown:
		b.fault("a script has thrown: ", e.ExceptionDetails.Text, " ", e.ExceptionDetails.Exception.Description)
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme+"://"+u.Host != b.base {
			b.fault("the page asks another host: ", e.Request.URL)
		}
	}
}

func (b *tab) fault(what ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprint(what...)
	for _, part := range b.unlike {
		if strings.Contains(text, part) {
			return
		}
	}
	b.faults = append(b.faults, text)
}

// expect takes faults with this text for what they should be.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unlike = append(b.unlike, part)
}

// do acts, or ends the test.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// goTo opens a path of the host.
func (b *tab) goTo(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// run evaluates an expression of JavaScript.
func run[T any](b *tab, expr string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expr, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%.200s: %v", expr, err)
	}
	return v
}

// until waits until an expression of JavaScript is true, across pages.
func (b *tab) until(what, expr string) {
	b.Helper()
	soon(b.TB, what, func() bool {
		// While a page goes and the next one comes there is nothing to ask.
		ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expr+")"))
		return err == nil && ok
	})
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// at waits until the tab is at a path with this part.
func (b *tab) at(part string) {
	b.Helper()
	b.until("the address has "+part, fmt.Sprintf("document.readyState === 'complete' && location.href.includes(%q)", part))
}

// as makes the visitor somebody, as the proxy before a host does.
func (b *tab) as(user string) {
	b.Helper()
	b.do(command(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{userHeader: user}}))
}

func (b *tab) noScripts() {
	b.Helper()
	b.do(command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
}

// look sets how wide the window is and what the visitor prefers; the theme
// "forced" is the few colours that an operating system forces on pages.
func (b *tab) look(width int64, theme string) {
	b.Helper()
	forced := "none"
	if theme == "forced" {
		theme, forced = "light", "active"
	}
	b.do(
		chromedp.EmulateViewport(width, 900),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}, {Name: "forced-colors", Value: forced},
		}}),
	)
}

// command is an action that no other action stands for.
func command[P, R any](cmd cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, cmd, params)
		return chromedp.Void{}, err
	}
}

// keys presses keys, one after another.
func (b *tab) keys(keys string) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// focused says what has the focus.
func (b *tab) focused() string {
	b.Helper()
	return run[string](b, `(e => e.localName + '|' + (e.name || e.id || e.getAttribute('aria-label') || e.textContent.trim()))(document.activeElement)`)
}

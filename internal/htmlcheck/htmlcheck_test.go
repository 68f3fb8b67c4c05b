package htmlcheck_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/htmlcheck"
)

const good = `<!doctype html><html lang="en"><head><title>Runs</title><script type="module" src="/a.js"></script></head>
<body><nav aria-label="Main"><a href="/a?b=c:d">A</a><a href="https://example.com/">B</a></nav>
<main><h1>Runs</h1><h2>One</h2><h3>Two</h3><h2>Three</h2>
<form><label>Name <input name="q"></label><label for="k">Kind</label><select id="k"></select><input type="hidden" name="h">
<fieldset><legend>Theme</legend><label><input type="radio" name="t"> Dark</label></fieldset><button aria-describedby="k">Go</button></form>
<table><caption>All</caption><tr><th scope="col">A</th></tr></table><ul><li>x</li></ul>
<svg aria-hidden="true"></svg><svg role="img" aria-label="Life"></svg><img src="/i.svg" alt="">
<progress aria-label="Progress" max="1" value="0"></progress><time datetime="2026-01-01">1 Jan</time>
</main></body></html>`

func parse(t *testing.T, s string) *htmlcheck.Page {
	t.Helper()
	p, err := htmlcheck.Parse(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGoodPage(t *testing.T) {
	if wrong := htmlcheck.Check(parse(t, good)); len(wrong) > 0 {
		t.Errorf("a good page has %q", wrong)
	}
}

// Each mistake is found, and only it.
func TestMistakes(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{`<html lang="en">`, `<html>`, "the document has no language"},
		{"<title>Runs</title>", "", "the document has no title"},
		{"<h1>Runs</h1>", "<h1>Runs</h1><h1>Again</h1>", "there are 2 <h1>, want 1"},
		{"<main>", "<main></main><main>", "there are 2 <main>, want 1"},
		{"<h2>One</h2>", "", `the heading "Two" leaves out a level`},
		{"<h2>Three</h2>", "<h2></h2>", "a <h2> is empty"},
		{"<ul>", `<ul id="k">`, `the id "k" is there 2 times`},
		{`aria-describedby="k"`, `aria-describedby="x"`, `<button aria-describedby> refers to "x", which is not there`},
		{"<label>Name <input", "<label><input", `the <input> "q" has no label`},
		{"<button aria-describedby=\"k\">Go", "<button>", "a <button> has no name"},
		{`<a href="/a?b=c:d">A`, `<a href="/a"><svg aria-hidden="true"></svg>`, "a <a> has no name"},
		{`<nav aria-label="Main">`, "<nav>", "a <nav> has no name"},
		{` alt=""`, "", "an image has no alternative"},
		{`<svg aria-hidden="true">`, "<svg>", "a drawing is neither hidden nor named"},
		{"<legend>Theme</legend>", "", "a group of fields has no legend"},
		{"<caption>All</caption>", "", "a table has no caption"},
		{` scope="col"`, "", `the head "A" has no scope`},
		{"<ul>", "<ul><p>y</p>", "a list holds a <p>"},
		{` datetime="2026-01-01"`, "", `the time "1 Jan" is not one for machines`},
		{"<ul>", `<ul style="a">`, "<ul> has the attribute style"},
		{"<ul>", `<ul onclick="a">`, "<ul> has the event handler onclick"},
		{`<a href="https://example.com/">`, `<a href=" JavaScript:alert(1)">`, `<a> has the address " JavaScript:alert(1)"`},
		{`src="/i.svg"`, `src="data:image/svg+xml,x"`, `<img> has the address "data:image/svg+xml,x"`},
		{"<ul>", "<script>a</script><ul>", "a script is written into the page"},
		{"<ul>", "<style>a</style><ul>", "a style sheet is written into the page"},
		{"<ul>", "<iframe></iframe><ul>", "there is a <iframe>"},
	}
	for _, tt := range tests {
		if !strings.Contains(good, tt.old) {
			t.Errorf("the page has no %q", tt.old)
		}
		got := htmlcheck.Check(parse(t, strings.Replace(good, tt.old, tt.new, 1)))
		if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
			t.Errorf("%q for %q (-want +got):\n%s", tt.new, tt.old, diff)
		}
		unsafe := strings.Contains(tt.want, "attribute") || strings.Contains(tt.want, "handler") || strings.Contains(tt.want, "address") ||
			strings.Contains(tt.want, "written into") || strings.Contains(tt.want, "iframe")
		if got := htmlcheck.Unsafe(parse(t, strings.Replace(good, tt.old, tt.new, 1))); unsafe != (len(got) == 1) {
			t.Errorf("%q for %q is unsafe: %q", tt.new, tt.old, got)
		}
	}
}

func TestShape(t *testing.T) {
	a := parse(t, `<p class="x">one <b>two</b></p>`).Shape()
	if b := parse(t, `<p class="y">&lt;i&gt; <b>three</b></p>`).Shape(); a != b {
		t.Errorf("other texts change the shape:\n%s\n%s", a, b)
	}
	for _, other := range []string{`<p class="x">one <i>two</i></p>`, `<p class="x" id="z">one <b>two</b></p>`, `<p class="x">one <b><u>two</u></b></p>`} {
		if b := parse(t, other).Shape(); a == b {
			t.Errorf("%s has the shape of another page", other)
		}
	}
}

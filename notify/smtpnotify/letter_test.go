package smtpnotify_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// FuzzLetter: whatever a message says, it adds no header, ends the headers
// nowhere else, and leads nowhere but to the web.
func FuzzLetter(f *testing.F) {
	long := strings.Repeat("x", 72)
	f.Add("Inventory sync failed", "1 of 2 done.", "acme", "mail/1", "https://ops.example/r1")
	f.Add("a\r\nBcc: eve@example.com\r\n\r\n<b>", "b\r\n.\r\nMAIL FROM:<>", "\r\n", "1>\r\nX: y", "javascript:alert(1)")
	f.Add(long+strings.Repeat(" ", 300)+long+"  "+long, "\u202e\x00\x1b[0m", "\u2028", "", "https://ops.example/\r\nBcc: eve")
	f.Add(strings.Repeat("x", 2000), "", "", "", "")
	f.Add(strings.Repeat("ü", 400), "\xff\xfe", "<script>", strings.Repeat("d", 999), `https://ops.example/"><script>`)
	f.Fuzz(func(t *testing.T, title, body, tenant, delivery, url string) {
		m := message(notify.English)
		m.Title, m.Body, m.Delivery, m.URL = title, body, delivery, url
		m.Run = runs.Ref{Tenant: tenant}
		raw, err := new(office).mailer(t, withoutServer).Compose(m, "dana@example.com")
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
		var names []string
		for line := range strings.SplitSeq(head, "\r\n") {
			name, _, _ := strings.Cut(line, ":")
			switch {
			case strings.TrimSpace(line) == "" || len(line) > 998 || strings.ContainsAny(line, "\r\n\x00"):
				t.Fatalf("a header has the line %q", line)
			case line[0] != ' ' && line[0] != '\t':
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "Auto-Submitted Content-Type Date From MIME-Version Message-ID Subject To X-Auto-Response-Suppress" {
			t.Fatalf("the headers are %s", got)
		}
		header, parts := read(string(raw))
		if len(parts) != 2 || header.Get("To") != "<dana@example.com>" {
			t.Fatalf("the parts are %q", parts)
		}
		if strings.Contains(parts["text/html"], "<script") || strings.Contains(parts["text/html"], `href="java`) {
			t.Errorf("the HTML is %s", parts["text/html"])
		}
		for _, r := range parts["text/plain"] + parts["text/html"] {
			if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' {
				t.Errorf("there is %U in a part", r)
			}
		}
	})
}

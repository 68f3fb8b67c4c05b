package runs_test

import (
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantatlas/runs"
)

// window is how many characters of a secret in a row are a leak.
const window = 8

// leak returns a stretch of one of the hidden texts that out shows, also with
// its escapes undone or its blanks left out.
func leak(out string, hidden []string) string {
	squashed := func(s string) string { return strings.Join(strings.Fields(s), "") }
	views := []string{out, squashed(out), squashed(html.UnescapeString(out))}
	if plain, err := url.PathUnescape(out); err == nil {
		views = append(views, squashed(plain))
	}
	for _, h := range hidden {
		for _, h := range []string{h, squashed(h)} {
			for i := 0; i+window <= len(h); i++ {
				for _, v := range views {
					if strings.Contains(v, h[i:i+window]) {
						return h[i : i+window]
					}
				}
			}
		}
	}
	return ""
}

// checkShape fails if out is not what every sanitized text is.
func checkShape(t *testing.T, in, out string) {
	t.Helper()
	if !utf8.ValidString(out) || utf8.RuneCountInString(out) > runs.MaxMessage {
		t.Errorf("Sanitize(%q) = %q: not UTF-8 or too long", in, out)
	}
	if i := strings.IndexFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("Sanitize(%q) = %q: cannot be printed at %d", in, out, i)
	}
	if again := runs.Sanitize(out); again != out {
		t.Errorf("Sanitize(%q) = %q, and of that %q; want no change", in, out, again)
	}
}

func TestSanitizeSecrets(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	total := 0
	for i := range forms {
		for _, e := range encodings {
			for range 8 {
				s := g.secret(i)
				in := g.sentence(e.encode(g, s.text))
				out := runs.Sanitize(in)
				total++
				checkShape(t, in, out)
				if l := leak(out, s.hidden); l != "" {
					t.Errorf("%s, %s: Sanitize shows %q\n in: %q\nout: %q", s.form, e.name, l, in, out)
				}
			}
		}
	}
	if total < 5000 {
		t.Errorf("only %d secrets were tried", total)
	}
	t.Logf("%d secrets in %d forms and %d encodings", total, len(forms), len(encodings))
}

// What people need to read must come through.
func TestSanitizeOrdinary(t *testing.T) {
	for _, s := range []string{
		"The operation took too long.",
		"The group was not found in the directory cache.",
		"12 of 345 policies were captured; 3 failed, 1 was skipped.",
		"Graph throttled the request; next attempt in 30 s.",
		"HTTP 429 Too Many Requests, retry after 2.128 seconds",
		"status code 503: service unavailable",
		"error code: 53003",
		"Error AADSTS700016: application not found in the directory",
		"AADSTS7000215: the client secret is invalid or expired",
		"The access token expired at 2024-05-06T07:08:09Z.",
		"The password has expired and must be changed.",
		"Token: expired",
		"InvalidAuthenticationToken: lifetime validation failed",
		"Bearer token missing",
		"Basic authentication is not supported here",
		"permission_denied: DeviceManagementConfiguration.ReadWrite.All is missing",
		"GET https://graph.microsoft.com/beta/deviceManagement/configurationPolicies: 404 Not Found",
		"PATCH /deviceManagement/deviceConfigurations/5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69 answered 412",
		"request 5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69 was refused",
		"client-request-id: 5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69",
		"Request ID: 35640664-3786-432d-9082-28bcb167e0cc.",
		"Request ID: 09679217-d655-42a8-9f6f-d3a769ac7b2c.",
		"Policies 5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69, 6f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69 and 7f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69 differ",
		"waits for 0190f3a2-7c1b-7def-8a3b-0123456789ab",
		"run 3c4b5a69 is already queued",
		"The log has the details under e5f6a7b8.",
		"dial tcp 10.20.30.40:5432: connect: connection refused",
		"lookup graph.microsoft.com on [2001:db8::53]:53: no such host",
		"read tcp 192.168.100.200:50443->20.190.160.1:443: i/o timeout",
		"context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
		"unexpected end of JSON input at offset 4096",
		"json: cannot unmarshal string into Go struct field Policy.version of type int64",
		"sqlite: database is locked (5) (SQLITE_BUSY)",
		"ERROR: duplicate key value violates unique constraint \"runs_active_key\" (SQLSTATE 23505)",
		"could not serialize access due to concurrent update (40001)",
		"#microsoft.graph.windows10GeneralConfiguration is abstract",
		"#microsoft.graph.deviceManagementConfigurationPolicy",
		"definition@odata.bind must be relative",
		"property roleScopeTagIds must not be empty",
		"device_vendor_msft_policy_config_browser_allowsmartscreen is not applicable",
		"win32LobApp has no content version",
		"iosVppApp needs a VPP token",
		"Windows 11 23H2, build 22631.3447, KB5036893",
		"macOSPkgApp and androidForWorkGmailEasConfiguration are read-only",
		"OMA-URI ./Device/Vendor/MSFT/Policy/Config/Update/AllowAutoUpdate",
		"CVE-2024-12345 is fixed in v1.26.8",
		"SHA-256 differs, TLS 1.2 required, RSA 2048 or ECDSA P-256",
		"Backup set of 2024-05-06 has 1,234 items (5.6 MB).",
		"captured 1073741824 bytes in 1h30m15s",
		"wrote 9007199254740993 bytes",
		"06.05.2024 10:00 Uhr: Sicherung abgeschlossen",
		"Die Richtlinie \"Browser – Grundschutz\" wurde nicht gefunden.",
		"Weihnachtsschmuck und Rechtschreibprüfung: keine Änderung",
		"Le groupe « Élèves » n’existe pas",
		"ポリシーが見つかりません",
		"Группа не найдена",
		"Multi Admin Approval: waiting for approval (code ApprovalRequired)",
		"C:\\ProgramData\\Intune Agent\\agent.log cannot be read",
		"/var/lib/tenantatlas/runs.db: no space left on device",
		"open policies/compliance.json: permission denied",
		"goroutine leak check passed",
		"lease lost after 33.5 s (attempt 2, lost 1)",
		"worker_lost: the worker vanished 3 times",
		"100 % of 20 items, 0 failures",
		"Conditional Access policy \"CA001 - Require MFA for admins\" is in report-only mode",
		"key: value pairs were merged",
		"Code: BadRequest",
		"InventorySyncRun 42 -> completed_with_errors",
		"Set priority to 5 (was 10)",
		"x86_64 and arm64 are supported; utf-8 only",
		"$top must be between 1 and 999",
		"Restore \"Pilot/Ring 1\": 4 created, 2 updated, 0 conflicts",
		"Sign-in blocked by policy (error 53003)",
		"tenant contoso.onmicrosoft.com is not configured",
		"0x80070005 access denied, 0x8007000E out of memory",
		"PIN complexity is too low",
		"The secret of the application expires in 14 days",
	} {
		if got := runs.Sanitize(s); got != s {
			t.Errorf("Sanitize(%q)\n    = %q; want no change", s, got)
		}
	}
}

// What is left of a text around its secrets, and which of two readings counts.
func TestSanitizeDecisions(t *testing.T) {
	const guid = "5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69"
	long := strings.Repeat("the policy was saved ", 40)
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{" \t\r\n ", ""},
		{"one\r\n\ttwo\u2028three\u00a0 four", "one two three four"},
		{"\x1b[31mred\x1b[0m \u202eevil\u202c\x00 \u200bzero\ufeff", "[31mred[0m evil zero"},
		{"broken \xff\xfetext \ufffd", "broken text"},
		{"no \U000e0041tags \ue000private \u0378unassigned", "no tags private unassigned"},

		{"password: hunter2 and more", "password: [removed]"},
		{`{"password":"a\"b,c","user":"x y"}`, `{"password":"[removed]","user":"[removed]"}`},
		{"client_secret=abc was rejected", "client_secret=[removed] was rejected"},
		{`{"name":"client_secret","value":"abc"}`, `{"name":"client_secret","value":"[removed]"}`},
		{"<token>abc</token>", "<token>[removed]"},
		{"the token is abc123def", "the token is [removed]"},
		{"code=abc1, error code=abc1", "code=[removed], error code=abc1"},
		{"token: Token: token", "token: Token: token"},
		{"key=5 state=on", "key=5 state=on"},
		{"failed with Server=db;User ID=sa;Password=x;", "failed with [removed];"},
		{"Authorization: Bearer abc", "Authorization: [removed]"},
		{"PassWord%3Dhunter", "PassWord=[removed]"},

		{"policy " + guid + " differs", "policy " + guid + " differs"},
		{"user " + guid + " differs", "user [removed] differs"},
		{guid, "[removed]"},
		{"groups " + guid + ", " + guid, "groups " + guid + ", " + guid},
		{"the user " + guid + " of policy " + guid, "the user [removed] of policy " + guid},
		{"policy assigned by " + guid, "policy assigned by [removed]"},
		{"0190f3a2-7c1b-7def-8a3b-0123456789ab", "0190f3a2-7c1b-7def-8a3b-0123456789ab"},
		{"https://graph.microsoft.com/v1.0/groups/" + guid + "/owners", "https://graph.microsoft.com/v1.0/groups/" + guid + "/owners"},
		{"https://graph.microsoft.com/v1.0/users/" + guid + "/manager", "https://graph.microsoft.com/v1.0/users/[removed]"},

		{"GET https://u:p@host.example/a/b?x=1#y: 404", "GET https://[removed]@host.example/a/b?[removed]: 404"},
		{"redis://host.example:6379/0 refused", "redis://[removed] refused"},
		{"see http://example.com.", "see http://example.com."},
		{"item 04210 +49 585 7965170 x", "item 04210 [removed] x"},
		{"wrote to dana@contoso.com, then left", "wrote to [removed], then left"},
		{"call 0170 1234567 or +1 (425) 555-0100 now", "call [removed] or [removed] now"},
		{`C:\Users\dana\AppData`, `C:\Users\[removed]`},
		{"panic: x\n\ngoroutine 7 [running]:\nmain.main()\n\t/src/main.go:5", "panic: x [removed]"},
		{"-----BEGIN KEY-----\nabc\n-----END KEY----- then", "[removed] then"},
		{"above ----- below", "above ----- below"},
		{"a 4711-0815-1234567890123 b", "a [removed] b"},
		{"[removed]", "[removed]"},

		{`by acme\nina`, "by [removed]"}, // the escape would hide it
		{"p\u0336assword: hunter", "password: [removed]"},
		{"--password+wMvz4_Ipx", "--password+[removed]"},
		{"user 5f6cf1f0\u20105b2b\u20104c3b\u20109f3b\u20101f2d3c4b5a69", "user [removed]"},
		{"in\u034fvis\u115fible", "invisible"},
		{"AKIANODIZPRDUQVTATRU", "[removed]"}, // nearly words
		{"HFH-tHvy9cB_JM_m", "[removed]"},
		{"qw!er$ty", "[removed]"},
		{"xqzjvkwpfmbgxhtqzvkjwpxmfgbdtzqh", "[removed]"},
		{"12345678-12345678", "[removed]"},
		{"s.e.c.r.e.t.k.e.y", "[removed]"},
		{strings.Repeat("QUJDx9", 12) + " kerberos12 then", "[removed] then"},

		{long, strings.TrimSpace(long)[:len("the policy was saved ")*12-1] + "…"},
		{strings.Repeat("x", 8<<10) + " word", "[removed]"},
		{strings.Repeat("x", 4093) + " ok", "[removed] ok"},
		{"see " + strings.Repeat("drivers/", 30) + "users/dana", "see " + strings.Repeat("drivers/", 30) + "users/…"},
		{strings.Repeat("ö", 300), "[removed]"},
	} {
		got := runs.Sanitize(tt.in)
		if got != tt.want {
			t.Errorf("Sanitize(%.80q)\n    = %q\nwant  %q", tt.in, got, tt.want)
		}
		checkShape(t, tt.in, got)
	}
}

// A secret does not become harmless by being cut, wherever the text ends.
func TestSanitizeCut(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	filler := strings.Repeat("the policy was not saved because of a conflict ", 100)
	for _, at := range []int{runs.MaxMessage, 1 << 10, 4 << 10} {
		for back := range 80 {
			s := g.secret(back)
			in := filler[:at-back] + " " + s.text + " " + filler[:200]
			out := runs.Sanitize(in)
			checkShape(t, in, out)
			if l := leak(out, s.hidden); l != "" {
				t.Errorf("%s, %d before %d: Sanitize shows %q in %q", s.form, back, at, l, out)
			}
		}
	}
}

func TestSanitizeFact(t *testing.T) {
	const guid = "5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69"
	for _, tt := range []struct{ name, value, want string }{
		{"client_secret", "correct", "[removed]"},
		{"Password", "correct horse", "[removed]"},
		{"refreshToken", "abc", "[removed]"},
		{"backup_set", guid, guid},
		{"policyId", guid, guid},
		{"user", guid, "[removed]"},
		{"kinds", "configurationPolicies, mobileApps", "configurationPolicies, mobileApps"},
		{"selection", "all", "all"},
		{"items", "1200", "1200"},
		{"note", "password: hunter2", "password: [removed]"},
		{"", guid, "[removed]"},
		{"", "plain words", "plain words"},
	} {
		got := runs.SanitizeFact(tt.name, tt.value)
		if got != tt.want {
			t.Errorf("SanitizeFact(%q, %q) = %q, want %q", tt.name, tt.value, got, tt.want)
		}
		if again := runs.SanitizeFact(tt.name, got); again != got {
			t.Errorf("SanitizeFact(%q, %q) = %q, want no change", tt.name, got, again)
		}
	}
}

// FuzzSanitize hides a secret between two texts.
func FuzzSanitize(f *testing.F) {
	for i := range forms {
		f.Add("the request", "was refused", uint64(i), uint64(i))
	}
	f.Add("\xff%41&#x41;\\u0041\u200b", "-----BEGIN", uint64(7), uint64(1))
	f.Add("goroutine 1 [running]", "a@b \\\\host\\share +49", uint64(8), uint64(2))
	f.Fuzz(func(t *testing.T, before, after string, form, seed uint64) {
		for _, s := range []string{before, after, before + after} {
			checkShape(t, s, runs.Sanitize(s))
		}
		g := generator{rand.New(rand.NewPCG(seed, form))}
		s := g.secret(int(form % uint64(len(forms))))
		e := encodings[seed%uint64(len(encodings))]
		in := before + " " + e.encode(g, s.text) + " " + after
		out := runs.Sanitize(in)
		checkShape(t, in, out)
		if l := leak(out, s.hidden); l != "" && leak(before+" "+after, []string{l}) == "" {
			t.Errorf("%s, %s: Sanitize shows %q\n in: %q\nout: %q", s.form, e.name, l, in, out)
		}
	})
}

// hostile are texts that a slow sanitizer chokes on, 64 KiB each.
func hostile() map[string]string {
	texts := map[string]string{}
	for name, unit := range map[string]string{
		"words": "the policy was not found ", "one letter": "a", "digits": "1", "groups": "1 ", "blanks": " ", "breaks": "\n", "quotes": `"`, "labels": "password ", "signs": "key=",
		"quoted": `token:"`, "at": "a@", "slashes": "http://", "dashes": "-----", "heads": "-----begin ", "percent": "%25", "backslashes": `\\`, "entities": "&amp;", "unicode": `\u005c`,
		"pairs": "a=b;password=", "guids": "5f6cf1f0-5b2b-4c3b-9f3b-1f2d3c4b5a69 ", "dates": "2024-05-06", "invisible": "\u200b", "wide": "ａ", "broken": "\xff", "marks": "a\u0336",
		"camel": "aB", "points": ".", "random": "q7Z-", "base64": "QUJDREVGR0g", "emoji": "😀",
	} {
		texts[name] = strings.Repeat(unit, 64<<10/len(unit))
		texts[name+" and blanks"] = strings.Repeat(unit+" ", 64<<10/(len(unit)+1))
	}
	return texts
}

func BenchmarkSanitize(b *testing.B) {
	for name, text := range hostile() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				runs.Sanitize(text)
			}
		})
	}
	b.Run("sentence", func(b *testing.B) {
		for b.Loop() {
			runs.Sanitize("GET https://graph.microsoft.com/beta/deviceManagement/configurationPolicies: 404 Not Found")
		}
	})
}

// The limit is generous for machines that are slow or busy; what is quadratic
// takes seconds.
func TestSanitizeHostile(t *testing.T) {
	for name, text := range hostile() {
		start := time.Now()
		checkShape(t, name, runs.Sanitize(text))
		if d := time.Since(start); d > 250*time.Millisecond {
			t.Errorf("%s: 64 KiB took %v", name, d)
		}
	}
}

package runs_test

import (
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
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
	total, failed := 0, map[string]int{}
	for i := range forms {
		for _, e := range encodings {
			for range 8 {
				s := g.secret(i)
				in := g.sentence(e.encode(g, s.text))
				out := runs.Sanitize(in)
				total++
				checkShape(t, in, out)
				if l := leak(out, append(slices.Clone(s.hidden), e.encode(g, s.text)[:0])); l != "" {
					if failed[s.form+"/"+e.name]++; failed[s.form+"/"+e.name] <= 1 {
						t.Errorf("%s, %s: Sanitize shows %q\n in: %q\nout: %q", s.form, e.name, l, in, out)
					}
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
		"C:\\Program Files\\Microsoft Intune\\agent.log cannot be read",
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

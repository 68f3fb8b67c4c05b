package runs_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"unicode/utf16"
)

// A secret is one way in which a credential or a person's datum is written.
type secret struct {
	form   string
	text   string   // as it appears in an error
	hidden []string // the parts of text that nobody may learn
}

// A generator draws secrets.
type generator struct{ *rand.Rand }

const (
	digits   = "0123456789"
	lower    = "abcdefghijklmnopqrstuvwxyz"
	upper    = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnum    = digits + lower + upper
	hexChars = "0123456789abcdef"
)

func (g generator) draw(n int, from string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = from[g.IntN(len(from))]
	}
	return string(b)
}

func (g generator) bytes(n int) []byte {
	b := make([]byte, (n+7)/8*8)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], g.Uint64())
	}
	return b[:n]
}

func (g generator) base64(n int) string    { return base64.StdEncoding.EncodeToString(g.bytes(n)) }
func (g generator) base64URL(n int) string { return base64.RawURLEncoding.EncodeToString(g.bytes(n)) }
func (g generator) hex(n int) string       { return hex.EncodeToString(g.bytes(n)) }

func (g generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g generator) guid() string {
	b := g.bytes(16)
	b[6], b[8] = b[6]&15|0x40, b[8]&63|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// password draws what a strict policy demands.
func (g generator) password() string {
	return g.draw(4, lower+upper) + g.draw(1, digits) + g.draw(1, "!$%*-_.+") + g.draw(6+g.IntN(8), alnum)
}

func (g generator) name() string {
	return g.pick("dana", "jürgen", "li", "maria", "o.brien") + "." + g.pick("schneider", "fitzgerald", "wojciechowski", "lindqvist")
}

func (g generator) jwt(parts int) string {
	p := []string{base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"RS256","kid":"` + g.hex(4) + `"}`))}
	for len(p) < parts {
		p = append(p, g.base64URL(40+g.IntN(200)))
	}
	return strings.Join(p, ".")
}

func lines(s string, n int) string {
	var b strings.Builder
	for len(s) > n {
		b.WriteString(s[:n] + "\n")
		s = s[n:]
	}
	return b.String() + s
}

// forms are all the ways that the generator knows. Each returns a text with its
// hidden parts.
var forms = []struct {
	name string
	make func(g generator) (text string, hidden []string)
}{
	{"bearer", func(g generator) (string, []string) {
		t := g.base64URL(30)
		return g.pick("Bearer ", "bearer ", "Authorization: Bearer ") + t, []string{t}
	}},
	{"jwt", func(g generator) (string, []string) { t := g.jwt(3); return t, []string{t} }},
	{"jwe", func(g generator) (string, []string) { t := g.jwt(5); return t, []string{t} }},
	{"base64 of jwt", func(g generator) (string, []string) {
		t := base64.StdEncoding.EncodeToString([]byte(g.jwt(3)))
		return t, []string{t}
	}},
	{"basic auth", func(g generator) (string, []string) {
		p := g.password()
		t := base64.StdEncoding.EncodeToString([]byte("svc:" + p))
		return g.pick("Basic ", "Authorization: Basic ", "authorization=Basic ") + t, []string{t, p}
	}},
	{"aad secret", func(g generator) (string, []string) {
		t := g.draw(3, alnum) + "8Q~" + g.draw(34, alnum+"._-~")
		return t, []string{t}
	}},
	{"client_secret", func(g generator) (string, []string) {
		t := g.draw(3, alnum) + "8Q~" + g.draw(34, alnum+"._-~")
		return g.pick("client_secret=", `"client_secret": "`, "clientSecret: ", "CLIENT_SECRET=", "client secret is ", "secretText=") + t, []string{t}
	}},
	{"password", func(g generator) (string, []string) {
		t := g.password()
		return g.pick("password=", "Password: ", "pwd=", "--password ", "password is ", `"password":"`, "Kennwort: ", "<password>", "passwordValue = ") + t, []string{t}
	}},
	{"passphrase", func(g generator) (string, []string) {
		t := g.pick("correct horse", "purple monkey", "silent river") + " " + g.pick("battery staple", "dishwasher engine", "mountain window")
		return g.pick("passphrase: ", "password: ", "passphrase=") + t, []string{t}
	}},
	{"refresh token", func(g generator) (string, []string) {
		t := g.pick("0.A", "1.A", "M.C5_BAY.0.U.-") + g.base64URL(150)
		return g.pick("", "refresh_token=", `"refresh_token":"`, "refresh token ") + t, []string{t}
	}},
	{"oauth code", func(g generator) (string, []string) {
		t := g.pick("0.A", "M.R3_BAY.") + g.base64URL(30)
		return g.pick("?code=", "&code=", "code=") + t + "&session_state=" + g.guid(), []string{t}
	}},
	{"assertion", func(g generator) (string, []string) {
		t := g.jwt(3)
		return "grant_type=urn%3Aietf%3Aparams&" + g.pick("assertion=", "client_assertion=", "id_token=", "id_token_hint=") + t, []string{t}
	}},
	{"device code", func(g generator) (string, []string) {
		t := g.draw(9, upper+digits)
		return "user_code=" + t, []string{t}
	}},
	{"sas", func(g generator) (string, []string) {
		t := url.QueryEscape(g.base64(32))
		return "https://acct.blob.core.windows.net/c/b.zip?sv=2022-11-02&se=2024-05-06T07%3A08Z&sr=b&sp=r&sig=" + t, []string{t}
	}},
	{"service bus sas", func(g generator) (string, []string) {
		t := g.base64(32)
		return "SharedAccessSignature sr=sb%3a%2f%2fns&sig=" + url.QueryEscape(t) + "&se=1700000000&skn=Root", []string{t, url.QueryEscape(t)}
	}},
	{"account key", func(g generator) (string, []string) {
		t := g.base64(64)
		return "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=" + t + ";EndpointSuffix=core.windows.net", []string{t}
	}},
	{"postgres url", func(g generator) (string, []string) {
		t := g.password()
		return g.pick("postgres", "postgresql", "mysql", "mongodb+srv", "redis", "amqp") + "://svc:" + t + "@db.internal:5432/app?sslmode=disable", []string{t}
	}},
	{"postgres dsn", func(g generator) (string, []string) {
		t := g.password()
		return "host=db.internal port=5432 user=svc password=" + t + " dbname=app", []string{t}
	}},
	{"ado", func(g generator) (string, []string) {
		t := g.password()
		return "Server=tcp:db.internal,1433;Initial Catalog=app;User ID=svcaccount;Password=" + t + ";Encrypt=True", []string{t, "svcaccount"}
	}},
	{"odbc", func(g generator) (string, []string) {
		t := g.password()
		return "Driver={ODBC Driver 18 for SQL Server};Server=db.internal;Uid=svcaccount;Pwd={" + t + "};", []string{t, "svcaccount"}
	}},
	{"pem", func(g generator) (string, []string) {
		t := lines(g.base64(300), 64)
		kind := g.pick("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "CERTIFICATE", "OPENSSH PRIVATE KEY")
		return "-----BEGIN " + kind + "-----\n" + t + "\n-----END " + kind + "-----", []string{t}
	}},
	{"pem in one line", func(g generator) (string, []string) {
		t := strings.ReplaceAll(lines(g.base64(300), 64), "\n", g.pick(" ", `\n`, `\r\n`))
		return "-----BEGIN PRIVATE KEY-----" + t + "-----END PRIVATE KEY-----", []string{t}
	}},
	{"pem without an end", func(g generator) (string, []string) {
		t := lines(g.base64(90+g.IntN(90)), 64)
		return "-----BEGIN PRIVATE KEY-----\n" + t, []string{t}
	}},
	{"pem without a head", func(g generator) (string, []string) {
		t := lines(g.base64(90+g.IntN(90)), 64)
		return t + g.pick("\n", " ") + "-----END PRIVATE KEY-----", []string{t}
	}},
	{"pem without headers", func(g generator) (string, []string) {
		t := "MII" + lines(g.base64(100+g.IntN(90)), g.pick2(64, 76))
		return t, []string{t}
	}},
	{"pfx", func(g generator) (string, []string) { t := "MIIK" + g.base64(700); return t, []string{t} }},
	{"cookie", func(g generator) (string, []string) {
		t := g.base64URL(60)
		return g.pick("Cookie: ESTSAUTH=", "Set-Cookie: session=", "Cookie: a=b; .AspNetCore.Cookies=CfDJ8", "ESTSAUTHPERSISTENT=") + t + "; path=/; secure", []string{t}
	}},
	{"slack webhook", func(g generator) (string, []string) {
		a, b, c := "T"+g.draw(9, upper+digits), "B"+g.draw(9, upper+digits), g.draw(24, alnum)
		return "https://hooks.slack.com/services/" + a + "/" + b + "/" + c, []string{a, b, c}
	}},
	{"teams webhook", func(g generator) (string, []string) {
		a, b, c := g.guid(), g.guid(), g.hex(16)
		return "https://contoso.webhook.office.com/webhookb2/" + a + "@" + b + "/IncomingWebhook/" + c + "/" + a, []string{a, b, c}
	}},
	{"discord webhook", func(g generator) (string, []string) {
		a, b := g.draw(18, "123456789"), g.base64URL(51)
		return "https://discord.com/api/webhooks/" + a + "/" + b, []string{a, b}
	}},
	{"telegram", func(g generator) (string, []string) {
		t := g.draw(10, "123456789") + ":AA" + g.base64URL(24)
		return "https://api.telegram.org/bot" + t + "/sendMessage", []string{t}
	}},
	{"logic app", func(g generator) (string, []string) {
		a, t := g.hex(16), g.base64URL(32)
		return "https://prod-1.westeurope.logic.azure.com:443/workflows/" + a + "/triggers/manual/paths/invoke?api-version=2016&sig=" + t, []string{a, t}
	}},
	{"cloud and service keys", func(g generator) (string, []string) {
		t := g.pick("AKIA"+g.draw(16, upper+"234567"), "ghp_"+g.draw(36, alnum), "xoxb-"+g.draw(12, digits)+"-"+g.draw(24, alnum), "sk_live_"+g.draw(24, alnum),
			"AIza"+g.base64URL(26), "glpat-"+g.base64URL(15), "SG."+g.base64URL(16)+"."+g.base64URL(32), "npm_"+g.draw(36, alnum), "github_pat_"+g.draw(22, alnum)+"_"+g.draw(59, alnum))
		return t, []string{t}
	}},
	{"api key", func(g generator) (string, []string) {
		t := g.hex(16)
		return g.pick("api_key=", "x-api-key: ", "Ocp-Apim-Subscription-Key: ", "", "key ", "x-functions-key: ") + t, []string{t}
	}},
	{"symmetric key", func(g generator) (string, []string) {
		t := g.pick(g.hex(32), g.base64(32), g.base64URL(32))
		return g.pick("", "key=", "using ") + t, []string{t}
	}},
	{"totp seed", func(g generator) (string, []string) { t := g.draw(32, upper+"234567"); return t, []string{t} }},
	{"url user", func(g generator) (string, []string) {
		t := g.password()
		return "https://svcaccount:" + t + "@git.internal/repo.git", []string{t, "svcaccount"}
	}},
	{"e-mail", func(g generator) (string, []string) {
		t := g.name() + "@" + g.pick("contoso.com", "fabrikam.onmicrosoft.com", "sub.example.co.uk")
		return g.pick("", "user ", "<", "mailto:", "upn=") + t, []string{t}
	}},
	{"guest upn", func(g generator) (string, []string) {
		t := strings.ReplaceAll(g.name(), "ü", "ue") + "_fabrikam.com#EXT#@contoso.onmicrosoft.com"
		return t, []string{t}
	}},
	{"phone", func(g generator) (string, []string) {
		a, b, c := g.draw(3, "123456789"), g.draw(3, digits), g.draw(4, digits)
		t := g.pick("+49 "+a+" "+b+c, "+1 ("+a+") "+b+"-"+c, "("+a+") "+b+"-"+c, "0"+a+"/"+b+c, "0049 "+a+" "+b+c, "+44"+a+b+c, a+"-"+b+"-"+c)
		return t, []string{t, a + b + c}
	}},
	{"serial number", func(g generator) (string, []string) {
		t := g.draw(10, upper+digits)
		return g.pick("serial number ", "serialNumber=", "Serial: ", "IMEI ") + g.draw(1, digits) + t, []string{t}
	}},
	{"hardware", func(g generator) (string, []string) {
		h := strings.ToUpper(g.hex(6))
		t := strings.Join([]string{h[:2], h[2:4], h[4:6], h[6:8], h[8:10], h[10:]}, ":")
		return g.pick("", "macAddress=") + t, []string{t}
	}},
	{"user guid", func(g generator) (string, []string) {
		t := g.guid()
		return g.pick("user ", "oid=", "/users/", "userId: ", "principal ", "by ", "https://graph.microsoft.com/v1.0/users/") + t, []string{t}
	}},
	{"recovery key", func(g generator) (string, []string) {
		groups := make([]string, 8)
		for i := range groups {
			groups[i] = g.draw(6, digits)
		}
		t := strings.Join(groups, "-")
		return t, []string{t}
	}},
	{"card", func(g generator) (string, []string) {
		t := "4" + g.draw(3, digits) + " " + g.draw(4, digits) + " " + g.draw(4, digits) + " " + g.draw(4, digits)
		return t, []string{t}
	}},
	{"domain account", func(g generator) (string, []string) { t := g.name(); return `CONTOSO\` + t, []string{t} }},
	{"home", func(g generator) (string, []string) {
		t := g.name()
		return g.pick(`C:\Users\`, "/home/", "file:///Users/") + t, []string{t}
	}},
}

func (g generator) pick2(a, b int) int {
	if g.IntN(2) == 0 {
		return a
	}
	return b
}

// secret draws one of form i.
func (g generator) secret(i int) secret {
	f := forms[i%len(forms)]
	text, hidden := f.make(g)
	return secret{f.name, text, hidden}
}

// encodings dress a text up. What a person can undo must not hide a secret.
var encodings = []struct {
	name   string
	encode func(g generator, s string) string
}{
	{"plain", func(_ generator, s string) string { return s }},
	{"query", func(_ generator, s string) string { return url.QueryEscape(s) }},
	{"path", func(_ generator, s string) string { return url.PathEscape(s) }},
	{"query twice", func(_ generator, s string) string { return url.QueryEscape(url.QueryEscape(s)) }},
	{"all percent", func(_ generator, s string) string { return each([]byte(s), "%%%02X") }},
	{"all percent, lower case", func(_ generator, s string) string { return each([]byte(s), "%%%02x") }},
	{"json", func(_ generator, s string) string { return fmt.Sprintf(`{"message":%q}`, s) }},
	{"json in json", func(_ generator, s string) string { return fmt.Sprintf("%q", fmt.Sprintf(`{"message":%q}`, s)) }},
	{"json escapes", func(_ generator, s string) string { return each(utf16.Encode([]rune(s)), `\u%04x`) }},
	{"hex escapes", func(_ generator, s string) string { return each([]byte(s), `\x%02x`) }},
	{"html", func(_ generator, s string) string {
		return strings.NewReplacer("&", "&amp;", "=", "&equals;", `"`, "&quot;", "<", "&lt;", "/", "&#x2F;", "-", "&#45;", "+", "&plus;", ".", "&period;").Replace(s)
	}},
	{"html numbers", func(_ generator, s string) string { return each([]rune(s), "&#%d;") }},
	{"utf-16", func(_ generator, s string) string { return each2(s, "\x00") }},
	{"utf-16 with a mark", func(_ generator, s string) string {
		b := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return string(b)
	}},
	{"zero width", func(g generator, s string) string {
		return each2(s, g.pick("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e"))
	}},
	{"some zero width", func(g generator, s string) string {
		return sprinkle(g, s, "\u200b\u200c\u202e\u2066\ufe0f\u034f\U000e0041")
	}},
	{"controls", func(g generator, s string) string { return sprinkle(g, s, "\x00\x1b\x08\x7f\u0085"[:4]) }},
	{"broken utf-8", func(g generator, s string) string {
		i := g.IntN(len(s) + 1)
		for i < len(s) && i > 0 && s[i]&0xc0 == 0x80 {
			i--
		}
		return s[:i] + "\xff\xc3" + s[i:]
	}},
	{"line break", func(g generator, s string) string { i := boundary(s, g.IntN(len(s)+1)); return s[:i] + "\r\n" + s[i:] }},
	{"line break and indent", func(g generator, s string) string {
		i := boundary(s, g.IntN(len(s)+1))
		return s[:i] + "\n\t  " + s[i:]
	}},
	{"wrapped", func(_ generator, s string) string { return lines(s, boundary(s, 40)) }},
	{"quoted", func(g generator, s string) string { q := g.pick(`"`, "'", "`"); return q + s + q }},
	{"brackets", func(g generator, s string) string { return g.pick("(", "[", "{", "<") + s + g.pick(")", "]", "}", ">") }},
	{"full width", func(_ generator, s string) string {
		return strings.Map(func(r rune) rune {
			if '!' <= r && r <= '~' {
				return r - '!' + '！'
			}
			return r
		}, s)
	}},
	{"accents", func(_ generator, s string) string { return each2(s, "\u0336") }},
	{"mathematical", func(_ generator, s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case 'A' <= r && r <= 'Z':
				return r - 'A' + 0x1d5d4
			case 'a' <= r && r <= 'z':
				return r - 'a' + 0x1d5ee
			case '0' <= r && r <= '9':
				return r - '0' + 0x1d7ec
			}
			return r
		}, s)
	}},
	{"base64", func(_ generator, s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"hex", func(_ generator, s string) string { return hex.EncodeToString([]byte(s)) }},
}

func each[T byte | uint16 | rune](s []T, format string) string {
	var b strings.Builder
	for _, c := range s {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

// each2 writes mark after every rune of s but the blanks, so that words remain.
func each2(s, mark string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
		b.WriteString(mark)
	}
	return b.String()
}

func sprinkle(g generator, s, marks string) string {
	all := []rune(marks)
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
		if g.IntN(5) == 0 {
			b.WriteRune(all[g.IntN(len(all))])
		}
	}
	return b.String()
}

// boundary returns the last start of a rune in s that is not after i.
func boundary(s string, i int) int {
	for i < len(s) && s[i]&0xc0 == 0x80 {
		i--
	}
	return i
}

// sentence puts text into an error as programs write them.
func (g generator) sentence(text string) string {
	return g.pick("", "request failed: ", "The call was refused with ", "dial tcp: lookup failed for ", "Get \"", "error AADSTS7000215: ", "invalid value ", "cannot parse `", "level=error msg=", "上传失败 ") +
		text + g.pick("", " was rejected", ": connection refused", ".", "\" returned 401", " (status 403)", "\nnext attempt in 30 seconds", ", giving up")
}

package smtpnotify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	htmltemplate "html/template"
	netmail "net/mail"
	"net/url"
	"strings"
	texttemplate "text/template"
	"unicode"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"github.com/tenantatlas/tenantatlas/notify"
)

// What the two parts of a mail look like.
const (
	textForm = `{{.Title}}

{{.Body}}

{{.Words.Tenant}}: {{.Tenant}}
{{.Words.At}}: {{.At}}
{{with .URL}}
{{$.Words.View}}: {{.}}
{{end}}
-- 
{{.Words.Why}}
`
	htmlForm = `<!doctype html>
<html lang="{{.Words.Lang}}">
<head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body>
<h1>{{.Title}}</h1>
<p>{{.Body}}</p>
<p>{{.Words.Tenant}}: {{.Tenant}}<br>{{.Words.At}}: {{.At}}</p>
{{with .URL}}<p><a href="{{.}}">{{$.Words.View}}</a></p>
{{end}}<hr>
<p>{{.Words.Why}}</p>
</body>
</html>
`
)

// forms are the parsed forms.
type forms struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

func parseForms() (f forms, err error) {
	if f.text, err = texttemplate.New("text").Parse(textForm); err != nil {
		return forms{}, err
	}
	f.html, err = htmltemplate.New("html").Parse(htmlForm)
	return f, err
}

// words are what a mail says besides what the notification does.
type words struct{ Lang, Tenant, At, View, Why string }

func wordsIn(l notify.Language) words {
	if l == notify.German {
		return words{"de", "Mandant", "Zeit", "Lauf ansehen", "Sie erhalten diese Nachricht, weil Sie diesen Lauf gestartet haben."}
	}
	return words{"en", "Tenant", "Time", "View run", "You get this message because you started this run."}
}

// compose returns the whole mail.
func (m *Mailer) compose(msg notify.Message, to *netmail.Address) ([]byte, error) {
	content := struct {
		Words                        words
		Title, Body, Tenant, At, URL string
	}{
		wordsIn(msg.Language), line(msg.Title), line(msg.Body), line(msg.Run.Tenant),
		msg.At.UTC().Format("2006-01-02 15:04 UTC"), link(msg.URL),
	}
	var text, html bytes.Buffer
	if err := m.forms.text.Execute(&text, content); err != nil {
		return nil, err
	}
	if err := m.forms.html.Execute(&html, content); err != nil {
		return nil, err
	}
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	letter.FromMailAddress(m.from)
	letter.ToMailAddress(to)
	letter.Subject(content.Title)
	letter.SetMessageIDWithValue(m.messageID(msg.Delivery))
	letter.SetDateWithValue(m.cfg.Now())
	// Nobody's absence is to be answered to.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")
	letter.SetBodyString(mail.TypeTextPlain, text.String())
	letter.AddAlternativeString(mail.TypeTextHTML, html.String())
	var all bytes.Buffer
	_, err := letter.WriteTo(&all)
	return all.Bytes(), err
}

// messageID returns the ID of the mail for a delivery: the same at each attempt,
// and of harmless characters whatever the delivery is called.
func (m *Mailer) messageID(delivery string) string {
	sum := sha256.Sum256([]byte(delivery))
	_, domain, _ := strings.Cut(m.from.Address, "@")
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// maxLine is how many runes of a text are sent: more than the vocabulary and
// ordinary names need, and less than a line of a header may have.
const maxLine = 500

// line makes one line of s, of words with single spaces between, without
// characters that are not seen or that turn others around. A line of a header
// that is nothing but spaces would end the headers for some servers.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxLine {
		s = string(runes[:maxLine]) + "…"
	}
	return s
}

// link returns an address of the web, or "" if s is none.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.String()
}

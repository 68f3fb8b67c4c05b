package graphtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
)

// A cursor is what a next link or delta link knows.
type cursor struct {
	Offset int    // objects served so far; for delta the change number
	Page   int    // number of the page it leads to, from 0
	Empty  int    // empty pages served before this one
	Issued int64  // Unix milliseconds; 0 when links do not expire
	Until  uint64 // delta: the change number the round ends with
}

var errCursor = errors.New("not a token of this list")

const macSize = 12

// seal makes the token for a list: double-encoded JSON of the database that
// is behind the settings catalog. A client that decodes or encodes it once
// more breaks it. scope binds it to tenant, path and options.
// Source: graph.md section 3.4.
func (s *Server) seal(c cursor, scope string) string {
	b := make([]byte, 0, 48)
	for _, n := range []uint64{uint64(c.Offset), uint64(c.Page), uint64(c.Empty), uint64(c.Issued), c.Until} {
		b = binary.AppendUvarint(b, n)
	}
	b = append(b, s.mac(b, scope)...)
	w := newObject(128)
	w.str("compositeToken", "+RID:~"+base64.StdEncoding.EncodeToString(b)+"#RT:1#TRC:25")
	w.raw("range", []byte(`{"min":"","max":"FF"}`))
	return url.QueryEscape(url.QueryEscape("[" + string(w.bytes()) + "]"))
}

// open reads a token that the query parser has decoded once.
func (s *Server) open(token, scope string) (cursor, error) {
	plain, err := url.QueryUnescape(token)
	if err != nil || strings.ContainsAny(token, `[{"`) {
		return cursor{}, errCursor
	}
	var list []struct {
		Token string `json:"compositeToken"`
	}
	if err := json.Unmarshal([]byte(plain), &list); err != nil || len(list) != 1 {
		return cursor{}, errCursor
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(list[0].Token, "+RID:~"), "#")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < macSize {
		return cursor{}, errCursor
	}
	b, mac := b[:len(b)-macSize], b[len(b)-macSize:]
	if !hmac.Equal(mac, s.mac(b, scope)) {
		return cursor{}, errCursor
	}
	var n [5]uint64
	for i := range n {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return cursor{}, errCursor
		}
		n[i], b = v, b[size:]
	}
	return cursor{int(n[0]), int(n[1]), int(n[2]), int64(n[3]), n[4]}, nil
}

func (s *Server) mac(b []byte, scope string) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(b)
	h.Write([]byte(scope))
	return h.Sum(nil)[:macSize]
}

// scope of a token: it works for nothing but the list it was made for.
func (c *call) scope() string {
	return c.tenant.id + "\x00" + c.path + "\x00" + c.opts.carried
}

// link makes a next or delta link on the host the request came to.
func (c *call) link(option string, cur cursor) string {
	if option == "$skiptoken" && c.quirks.LinkLifetime > 0 || option == "$deltatoken" {
		cur.Issued = c.now.UnixMilli()
	}
	var b strings.Builder
	b.WriteString(c.service() + "/" + c.path + "?")
	if c.opts.carried != "" {
		b.WriteString(c.opts.carried + "&")
	}
	b.WriteString(option + "=" + c.srv.seal(cur, option+c.scope()))
	return b.String()
}

// cursor reads the token of the request. A non-nil answer refuses it.
func (c *call) cursor() (cursor, *answer) {
	if c.opts.skip == "" {
		return cursor{}, nil
	}
	cur, err := c.srv.open(c.opts.skip, "$skiptoken"+c.scope())
	if err != nil {
		return cur, c.badRequest("Invalid skiptoken.")
	}
	if life := c.quirks.LinkLifetime; life > 0 && c.now.Sub(time.UnixMilli(cur.Issued)) > life {
		if c.quirks.LinkGone {
			return cur, c.fail(410, "Gone", "The skip token has expired.")
		}
		return cur, c.badRequest("The skip token has expired.")
	}
	return cur, nil
}

// pageQuirk finds the disturbance of one page of a list.
func (q *Quirks) pageQuirk(list string, kind PageKind, page int) *PageQuirk {
	for i := range q.Pages {
		p := &q.Pages[i]
		at := p.Page == page || kind == PageEmptyForever && page >= p.Page
		if p.Kind == kind && at && hasPrefix(list, p.Prefix) {
			return p
		}
	}
	return nil
}

// hasPrefix compares paths without regard to case and leading slashes.
func hasPrefix(path, prefix string) bool {
	path, prefix = strings.Trim(path, "/"), strings.Trim(prefix, "/")
	return len(path) >= len(prefix) && strings.EqualFold(path[:len(prefix)], prefix)
}

// nextLink is the link behind page cur, which showed n objects of size.
func (c *call) nextLink(list string, cur cursor, n, size int) string {
	next := cursor{Offset: cur.Offset + n, Page: cur.Page + 1}
	if q := c.quirks.pageQuirk(list, PageLoop, cur.Page); q != nil {
		back := min(q.Cycle, cur.Page)
		next = cursor{Offset: max(0, cur.Offset-back*size), Page: cur.Page - back}
	}
	link := c.link("$skiptoken", next)
	if q := c.quirks.pageQuirk(list, PageForeignHost, cur.Page); q != nil {
		if u, err := url.Parse(link); err == nil {
			u.Scheme, u.Host = "https", q.Host
			link = u.Scheme + "://" + u.Host + u.EscapedPath() + "?" + u.RawQuery
		}
	}
	return link
}

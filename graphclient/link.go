package graphclient

import (
	"crypto/sha256"
	"hash/maphash"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// maxLink is how long a link may be. Skip tokens have some thousand letters
// at most; a list whose tokens grow without end stops here.
const maxLink = 16 << 10

// versionRoot is what stands before every path.
const versionRoot = "/" + contract.Version

// target returns the part of an absolute link that follows the origin, if the
// link leads to o and nowhere else. It compares letters before anything
// interprets them: what one parser takes for a host, another may not.
func (o origin) target(link string) (string, bool) {
	scheme, rest, ok := strings.Cut(link, "://")
	if !ok || !strings.EqualFold(scheme, o.scheme) {
		return "", false
	}
	n := strings.IndexByte(rest, '/')
	if n < 0 {
		return "", false
	}
	host := rest[:n]
	if !strings.EqualFold(host, o.host) && !strings.EqualFold(host, o.host+defaultPort(o.scheme)) {
		return "", false
	}
	if _, err := o.url(rest[n:]); err != nil {
		return "", false
	}
	return rest[n:], true
}

// url returns the URL of a target: a path from the root, with a query. The
// URL goes on the wire letter by letter as the target has it.
func (o origin) url(target string) (*url.URL, *Error) {
	if len(target) > maxLink {
		return nil, invalid("", "path_too_long")
	}
	if !plainTarget(target) {
		return nil, invalid("", "path")
	}
	u, err := url.Parse(o.String() + target)
	if err != nil || u.Scheme != o.scheme || u.Host != o.host || u.User != nil || u.Fragment != "" || u.RequestURI() != target {
		return nil, invalid("", "path")
	}
	return u, nil
}

// plainTarget reports whether s is a slash and printable ASCII, without what
// some parser turns into something else: a second slash, a backslash, a
// fragment, or dot segments in any spelling.
func plainTarget(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '\\' || c == '#' {
			return false
		}
	}
	path, _, _ := strings.Cut(s, "?")
	for segment := range strings.SplitSeq(path, "/") {
		plain := strings.ReplaceAll(strings.ToLower(segment), "%2e", ".")
		if plain == "." || plain == ".." {
			return false
		}
	}
	return true
}

// relative cuts the version root off a target.
func relative(target string) (string, bool) {
	path, ok := strings.CutPrefix(target, versionRoot)
	return path, ok && strings.HasPrefix(path, "/")
}

// A trail follows the pages of one list and notices when they lead nowhere.
// What it keeps is bounded by the number of pages.
type trail struct {
	api   *api
	links map[[16]byte]struct{} // of the links followed
	pages map[uint64]struct{}   // hashes of the pages that had content
	seed  maphash.Seed
	count int // pages so far
	idle  int // pages in a row that brought nothing new
}

func newTrail(a *api, first string) *trail {
	t := &trail{api: a, links: map[[16]byte]struct{}{}, pages: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	t.mark(first)
	return t
}

// mark notes a link, and reports whether it is new.
func (t *trail) mark(target string) bool {
	sum := sha256.Sum256([]byte(target))
	key := [16]byte(sum[:16])
	_, seen := t.links[key]
	t.links[key] = struct{}{}
	return !seen
}

// step takes one page in. It returns the target of the next one, empty after
// the last, and whether the page repeats an earlier one.
func (t *trail) step(o outline) (next string, repeated bool, err *Error) {
	t.count++
	t.idle++
	if len(o.items) > 0 {
		sum := maphash.Bytes(t.seed, o.value)
		if _, repeated = t.pages[sum]; !repeated {
			t.pages[sum] = struct{}{}
			t.idle = 0
		}
	}
	if o.next == nil {
		return "", repeated, nil
	}
	next, ok := t.api.origin.target(text(o.next))
	switch {
	case !ok:
		return "", false, bad("next_link")
	case !t.mark(next):
		return "", false, &Error{Reason: ErrPagingLoop, Code: "link_repeated"}
	case t.count >= t.api.maxPages:
		return "", false, &Error{Reason: ErrPagingLoop, Code: "too_many_pages"}
	case t.idle > t.api.maxEmpty:
		return "", false, &Error{Reason: ErrPagingLoop, Code: "nothing_new"}
	}
	return next, repeated, nil
}

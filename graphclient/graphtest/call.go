package graphtest

import (
	"net/http"
	"strings"
	"time"
)

// A call is one request or one part of a batch.
type call struct {
	srv    *Server
	quirks *Quirks // as they were when the request came
	tenant *Tenant
	token  *token
	now    time.Time

	method  string
	version string // "beta" or "v1.0"
	path    string // without version and leading slash, as sent
	query   string // raw
	header  http.Header
	body    []byte
	base    string // scheme and host the request came to
	part    bool   // of a batch

	requestID string
	clientID  string // client-request-id

	route *route
	opts  *options
	level level
}

// An answer is a response before it meets the wire.
type answer struct {
	status int
	header http.Header // nil when there is nothing special
	body   []byte
	ctype  string // "" means JSON of the call's metadata level
	broken bool   // body is not JSON although ctype says so
	delay  time.Duration
	damage *Fault // what happens to it on the way
}

func (a *answer) set(name, value string) *answer {
	if a.header == nil {
		a.header = make(http.Header)
	}
	a.header.Set(name, value)
	return a
}

// write reports whether the call would change the tenant.
func (c *call) write() bool {
	switch c.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	case http.MethodPost:
		return !readingAction(c.path[strings.LastIndexByte(c.path, '/')+1:])
	}
	return true
}

// readingAction reports whether POST to that name only reads.
func readingAction(fn string) bool {
	switch strings.ToLower(fn) {
	case "$batch", "getbyids", "validatefilter", "getsupportedproperties", "retrieveenrollmenttimedevicemembershiptarget":
		return true
	}
	return false
}

// service is the start of every link of an answer.
func (c *call) service() string { return c.base + "/" + c.version }

// header of an advanced directory query.
func (c *call) eventual() bool {
	return strings.EqualFold(c.header.Get("ConsistencyLevel"), "eventual")
}

// A page is the body of a list.
type page struct {
	context string
	count   int // -1 for none
	next    string
	delta   string
	size    int                     // of the value, about
	value   func(dst []byte) []byte // appends the elements; nil for none
}

func (c *call) list(p page) *answer {
	b := make([]byte, 0, p.size+len(p.context)+len(p.next)+len(p.delta)+256)
	b = append(b, '{')
	if c.level != none && p.context != "" {
		b = append(quote(b, "@odata.context"), ':')
		b = quote(b, c.service()+"/$metadata#"+p.context)
	}
	if p.count >= 0 {
		w := objectWriter{b}
		w.num("@odata.count", p.count)
		b = w.b
	}
	if p.next != "" {
		b = append(quote(comma(b), "@odata.nextLink"), ':')
		b = quote(b, p.next)
	}
	if p.delta != "" {
		b = append(quote(comma(b), "@odata.deltaLink"), ':')
		b = quote(b, p.delta)
	}
	b = append(comma(b), `"value":[`...)
	if p.value != nil {
		b = p.value(b)
	}
	return &answer{status: http.StatusOK, body: append(b, "]}"...)}
}

package graphclient

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A Request is one request to Graph.
type Request struct {
	Method string // empty means GET

	// Path is what follows the version root: a slash, the segments, and a
	// query in the form that goes on the wire. Links that this package handed
	// out ([Page.DeltaLink], [Response.Next]) are paths too.
	Path string

	// Header is sent in addition to what every request carries, with every
	// page and every attempt: "ConsistencyLevel", "If-Match", approval
	// headers. Values of "Prefer" are appended to this package's own. Headers
	// that this package sets itself (Authorization, Accept, Host, …) are
	// refused.
	Header http.Header

	// Body is a JSON document, or empty. It goes out byte for byte, except in a
	// batch, where it is written anew with the same meaning.
	Body []byte

	// FullMetadata asks for odata.metadata=full instead of minimal: every
	// object then carries its @odata.type.
	FullMetadata bool

	// Safe says that a POST changes nothing, such as a look-up of many ids, and
	// may be repeated like a GET.
	Safe bool

	// Once says that a refusal (429) ends the request as [ErrThrottled] instead
	// of being waited out, for a caller that looks first whether it was carried
	// out all the same, which has been seen. What is sent next waits. Only Do
	// looks at it.
	Once bool

	// List says that the answer is a list, all of which is wanted. Only Batch
	// looks at it: the part's pages are followed and end up in
	// [Response.Items]. Pages and Delta always list, Do never does.
	List bool
}

// A Response is a good answer: a status of 2xx.
type Response struct {
	Status int
	Header http.Header // do not store or show it as a whole

	// Body is one JSON document, or empty for an answer without content. It
	// belongs to the caller. In a batch it shares memory with the other parts'
	// bodies, so keep a copy, not a part, for long.
	Body []byte

	// Items are the objects of a [Request.List] in a batch, over all its
	// Pages; Body is nil then.
	Items []json.RawMessage
	Pages int

	// Next is the next link of a list that was asked for as a single request,
	// as a path for another [Request]. It is not empty when Body is not all of
	// the list.
	Next string

	RequestID string
}

// bucket returns the service limit that the request counts against.
func (r *Request) bucket() contract.Bucket { return contract.BucketOf(r.Path) }

// method returns the method with its default.
func (r *Request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

// repeatable reports whether sending the request twice has the effect of
// sending it once.
func (r *Request) repeatable() bool {
	switch r.method() {
	case http.MethodGet, http.MethodPut, http.MethodDelete:
		return true
	default:
		return r.Safe
	}
}

// ownHeaders are set by this package alone.
var ownHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Authorization": true, "Client-Request-Id": true, "Connection": true,
	"Content-Length": true, "Content-Type": true, "Cookie": true, "Expect": true, "Host": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true, "User-Agent": true,
}

// prepare turns req into a call, or says why it is not sent.
func (a *api) prepare(req Request) (*call, *Error) {
	c := &call{method: req.method(), body: req.Body, bucket: req.bucket(), n: 1, list: req.List, repeatable: req.repeatable(), once: req.Once}
	switch c.method {
	case http.MethodGet:
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		c.write, c.effect = true, c.method != http.MethodPost || !req.Safe
	default:
		return nil, invalid("", "method")
	}
	if len(req.Body) > 0 && (c.method == http.MethodGet || !json.Valid(req.Body)) {
		return nil, invalid(c.method, "body")
	}
	if !strings.HasPrefix(req.Path, "/") || strings.HasPrefix(req.Path, "//") {
		return nil, invalid(c.method, "path")
	}
	u, e := a.origin.url(versionRoot + req.Path)
	if e != nil {
		e.Method = c.method
		return nil, e
	}
	if !a.delegated && searchesGroups(u) {
		return nil, invalid(c.method, "delegated_only")
	}
	c.url = u
	if c.header, e = a.headerOf(&req); e != nil {
		e.Method = c.method
		return nil, e
	}
	return c, nil
}

// searchesGroups reports whether u is a live search for groups, which is done
// on a person's behalf or not at all. The method for it is [User.SearchGroups];
// this keeps a path from going around it.
func searchesGroups(u *url.URL) bool {
	if !strings.EqualFold(strings.TrimRight(u.Path, "/"), versionRoot+contract.GroupsPath) {
		return false
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || strings.EqualFold(strings.TrimPrefix(name, "$"), "search") {
			return true
		}
	}
	return false
}

// headerOf returns the headers of every attempt and page of req.
func (a *api) headerOf(req *Request) (http.Header, *Error) {
	h := http.Header{
		"Accept":          {"application/json;odata.metadata=minimal"},
		"Accept-Encoding": {"gzip"},
		"User-Agent":      {a.agent},
		// Without it new enum members read as "unknownFutureValue".
		"Prefer": {"include-unknown-enum-members"},
	}
	if req.FullMetadata {
		h.Set("Accept", "application/json;odata.metadata=full")
	}
	if len(req.Body) > 0 {
		h.Set("Content-Type", "application/json")
	}
	for name, values := range req.Header {
		name = http.CanonicalHeaderKey(name)
		if ownHeaders[name] || !headerName(name) {
			return nil, invalid("", "header")
		}
		for _, v := range values {
			if !plainHeader(v) {
				return nil, invalid("", "header")
			}
			h.Add(name, v)
		}
	}
	return h, nil
}

// headerName reports whether s can be the name of a header.
func headerName(s string) bool {
	return s != "" && strings.Trim(s, "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// do sends one request.
func (a *api) do(ctx context.Context, req Request) (*Response, error) {
	req.List = false
	c, e := a.prepare(req)
	if e != nil {
		return nil, e
	}
	ans, err := a.exchange(ctx, c)
	if err != nil {
		return nil, err
	}
	return a.response(c, ans)
}

// response returns what the caller gets of an answer.
func (a *api) response(c *call, ans *answer) (*Response, error) {
	r := &Response{Status: ans.status, Header: ans.header, Body: ans.body, RequestID: ans.ids.RequestID}
	if ans.outline.next != nil {
		target, ok := a.origin.target(text(ans.outline.next))
		if ok {
			r.Next, ok = relative(target)
		}
		if !ok {
			return nil, ans.fail(c, bad("next_link"))
		}
	}
	return r, nil
}

// fail returns e as the error for what is wrong with an answer.
func (ans *answer) fail(c *call, e *Error) *Error {
	e.Method, e.Status = c.method, ans.status
	e.RequestID, e.ClientRequestID = ans.ids.RequestID, ans.ids.ClientRequestID
	return e
}

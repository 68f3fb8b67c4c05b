package graphclient

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A partRequest is one request in the body of a batch.
type partRequest struct {
	ID     string            `json:"id"`
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"headers"`
	Body   json.RawMessage   `json:"body,omitempty"`
}

// batchCall returns the request for a batch of parts.
func (a *api) batchCall(l *lane, parts []*part) *call {
	c := &call{method: http.MethodPost, bucket: parts[0].call.bucket, n: len(parts), parts: parts, write: l.write, repeatable: true}
	doc := struct {
		Requests []partRequest `json:"requests"`
	}{make([]partRequest, len(parts))}
	for i, p := range parts {
		c.effect = c.effect || p.call.effect
		c.repeatable = c.repeatable && p.call.repeatable
		if !p.tries.refused.IsZero() {
			c.stale = p.tries.refused
		}
		p.id = newID()
		path, _ := relative(p.call.url.RequestURI())
		header := map[string]string{"client-request-id": p.id}
		for name, values := range p.call.header {
			if name != "Accept-Encoding" && name != "User-Agent" {
				header[name] = strings.Join(values, ", ")
			}
		}
		doc.Requests[i] = partRequest{ID: strconv.Itoa(i), Method: p.call.method, URL: path, Header: header, Body: p.call.body}
	}
	c.body, _ = json.Marshal(doc) // strings, and bodies that were checked
	c.url, _ = a.origin.url(versionRoot + contract.BatchPath)
	c.header, _ = a.headerOf(&Request{Body: c.body})
	return c
}

// A partAnswer is the answer to one part.
type partAnswer struct {
	fault  *Error // instead of an answer
	status int
	header http.Header
	body   []byte
}

// readParts returns the answer to each of n parts: its own or the error that
// there is none. An answer to something that was not asked makes all of them
// suspect.
func readParts(ans *answer, n int) []partAnswer {
	out := make([]partAnswer, n)
	for i := range out {
		out[i].fault = bad("part_missing")
	}
	for _, raw := range ans.outline.parts {
		id, p := readPart(raw)
		i, err := strconv.Atoi(id)
		switch {
		case err != nil || i < 0 || i >= n || id != strconv.Itoa(i):
			for i := range out {
				out[i] = partAnswer{fault: bad("part_foreign")}
			}
			return out
		case out[i].fault == nil || out[i].fault.Code != "part_missing":
			p = partAnswer{fault: bad("part_doubled")}
		}
		out[i] = p
	}
	return out
}

// readPart reads one element of a batch's answer.
func readPart(raw []byte) (id string, p partAnswer) {
	p.header = http.Header{}
	s := scanner{data: raw}
	if s.peek() != '{' {
		return "", p
	}
	s.pos++
	for s.peek() == '"' || s.peek() == ',' {
		if s.data[s.pos] == ',' {
			s.pos++
		}
		name, err := s.name()
		if err != nil {
			break
		}
		s.space()
		start := s.pos
		if err := s.skip(1); err != nil {
			break
		}
		value := raw[start:s.pos:s.pos]
		switch string(name) {
		case `"id"`:
			id = text(value)
		case `"status"`:
			p.status, _ = strconv.Atoi(string(value))
		case `"headers"`:
			readPartHeader(p.header, value)
		case `"body"`:
			if !bytes.Equal(value, []byte("null")) {
				p.body = value
			}
		}
	}
	if p.status < 100 || p.status > 599 {
		p.fault = bad("part_status")
	}
	return id, p
}

// readPartHeader reads the headers of a part. Their values are strings, or
// whatever else somebody wrote.
func readPartHeader(h http.Header, object []byte) {
	var values map[string]json.RawMessage
	if json.Unmarshal(object, &values) != nil {
		return
	}
	for name, v := range values {
		s := text(v)
		if s == "" {
			s = string(v)
		}
		h.Set(name, s)
	}
}

// A judged is the answer to a part, or why it is none.
type judged struct {
	ans *answer
	err *Error
}

// judgeAll reads the answer to a batch.
func (a *api) judgeAll(parts []*part, ans *answer) []judged {
	out := make([]judged, len(parts))
	for i, in := range readParts(ans, len(parts)) {
		out[i].ans, out[i].err = a.judge(parts[i].call, in)
		if e := out[i].err; e != nil {
			e.sent, e.Method, e.Status, e.ClientRequestID = true, parts[i].call.method, in.status, parts[i].id
			if e.RequestID == "" {
				e.RequestID = ans.ids.RequestID
			}
		}
	}
	return out
}

// refusal returns what a batch's answer says about the limit: how many parts
// were refused, and the longest that one is to wait.
func refusal(parts []judged) verdict {
	var v verdict
	for _, p := range parts {
		if p.err != nil && p.err.Reason == ErrThrottled {
			v.throttled++
			v.said = v.said || p.err.said
			v.after = max(v.after, p.err.RetryAfter)
		}
	}
	return v
}

// receive takes the answer to a part in, and reports whether the part needs
// another go. If not, its result or its tries hold what became of it.
func (a *api) receive(ctx context.Context, p *part, in judged, token Secret) bool {
	p.tries.sent++
	e := in.err
	if e == nil {
		return p.accept(a, in.ans)
	}
	a.logAttempt(ctx, p.call, &p.tries, e.Status, e.Reason, e, a.now())
	if e.Status == http.StatusUnauthorized {
		p.tries.refused = token
		if e.Claims != "" {
			a.challenge(e.Claims)
		}
	}
	p.tries.note(e, p.call.effect)
	s := p.tries.after(e, p.call.repeatable, a.maxTries)
	if !s.again || ctx.Err() != nil || s.wait > 0 && !a.budget.spend() {
		return false
	}
	p.ready = a.now().Add(s.wait)
	return true
}

// accept takes a good answer in, and reports whether it is a page that more
// pages follow.
func (p *part) accept(a *api, ans *answer) bool {
	if p.trail == nil {
		r, err := a.response(p.call, ans)
		p.result = &Result{r, err}
		return false
	}
	next, _, e := p.trail.step(ans.outline)
	if e == nil {
		p.items = append(p.items, ans.outline.items...)
		if next == "" {
			p.result = &Result{Response: &Response{
				Status: ans.status, Header: ans.header, RequestID: ans.ids.RequestID, Items: p.items, Pages: p.trail.count,
			}}
			return false
		}
		if p.call.url, e = a.origin.url(next); e == nil {
			if _, ok := relative(next); !ok {
				e = bad("next_link") // parts are relative to our version
			}
		}
	}
	if e != nil {
		p.result = &Result{Err: ans.fail(p.call, e)}
		return false
	}
	p.tries = tries{} // the next page is another request
	return true
}

// judge turns a part's answer into an answer or an error.
func (a *api) judge(c *call, in partAnswer) (*answer, *Error) {
	if in.fault != nil {
		return nil, in.fault
	}
	if len(in.body) > 0 && in.body[0] == '"' {
		// What is not JSON, or was not recognized as such, comes as base64.
		plain, err := base64.StdEncoding.DecodeString(text(in.body))
		if err != nil {
			return nil, bad("part_body")
		}
		in.body = plain
	}
	if in.status < 200 || in.status > 299 {
		return nil, classify(in.status, in.header, in.body, a.now())
	}
	if ct := in.header.Get("Content-Type"); len(in.body) > 0 && ct != "" && !jsonType(ct) {
		return nil, bad("content_type")
	}
	return a.accept(c, &answer{status: in.status, header: in.header, ids: Error{RequestID: requestID(in.header)}}, in.body)
}

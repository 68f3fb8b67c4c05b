package graphclient

import "encoding/json"

// Target is what the client makes of a next link in an answer from base: what
// follows the origin, if the link may be followed.
func Target(base, link string) (string, bool) {
	o, err := parseOrigin("Graph", base)
	if err != nil {
		panic(err)
	}
	return o.target(link)
}

// Outline reads an answer and returns its items, next link and the code of
// what is wrong with it.
func Outline(data []byte) (list bool, items []json.RawMessage, next string, code string) {
	o, err := outlineOf(data)
	if err != nil {
		return false, nil, "", err.Code
	}
	return o.list, o.items, string(o.next), ""
}

// MaxDepth is the nesting that an answer may have.
const MaxDepth = maxDepth

// ErrAddress is why a connection was not made.
var ErrAddress = errAddress

// Kept returns how many tokens s keeps.
func Kept(s *ClientCredentials) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tokens)
}

package graphclient

import (
	"encoding/json"
	"net/http"
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

	// Body is a JSON document, or empty. It goes out byte for byte.
	Body []byte

	// FullMetadata asks for odata.metadata=full instead of minimal: every
	// object then carries its @odata.type.
	FullMetadata bool

	// Safe says that a POST changes nothing, such as a look-up of many ids, and
	// may be repeated like a GET.
	Safe bool

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
var ownHeaders = strings.Fields("Accept Accept-Encoding Authorization Client-Request-Id Connection Content-Length Content-Type Cookie Host " +
	"Proxy-Authorization Return-Client-Request-Id Te Trailer Transfer-Encoding Upgrade User-Agent")

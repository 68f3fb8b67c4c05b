package monitor

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// compressLeast is the size in bytes below which an answer fits into one packet
// anyway.
const compressLeast = 1400

// compressed returns body with gzip if that pays off and the client takes it,
// and says so in the header. What is compressed holds no secret that somebody
// else's text in the same answer could be used to guess.
func compressed(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	w.Header().Add("Vary", "Accept-Encoding")
	if len(body) < compressLeast || !acceptsGzip(r.Header.Get("Accept-Encoding")) {
		return body
	}
	w.Header().Set("Content-Encoding", "gzip")
	return zip(body)
}

func zip(body []byte) []byte {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	_, _ = gz.Write(body) // a buffer takes everything
	_ = gz.Close()
	return b.Bytes()
}

// acceptsGzip reads an Accept-Encoding header. A client that says nothing gets
// what it can read for sure.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) != "gzip" {
			continue
		}
		_, q, ok := strings.Cut(params, "q=")
		weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !ok || err == nil && weight > 0
	}
	return false
}

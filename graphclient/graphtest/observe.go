package graphtest

import "time"

// Stats are totals since New or [Server.ResetStats].
type Stats struct {
	Requests      int   // HTTP requests to Graph, a batch counted once; no token requests
	Parts         int   // parts of batches
	Batches       int   // $batch requests
	Tokens        int   // token requests
	Writes        int   // requests and parts that would change a tenant
	Throttled     int   // 429 answers, parts included
	Failed        int   // answers of 400 and above, parts included
	Bytes         int64 // body bytes sent, before compression
	MaxConcurrent int   // HTTP requests to Graph under way at once
}

// An Entry is one request or batch part in [Server.Log].
type Entry struct {
	At     time.Time
	Tenant string // empty when no token said which
	Client string // application id
	Method string
	Path   string // with the API version, without query
	Query  string // raw
	Class  string // path without version and with ids as {id}
	Status int    // 0 when the connection was cut
	Bytes  int    // of the body, before compression
	Part   bool   // part of a batch
}

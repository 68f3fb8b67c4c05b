package restore_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// A fault is what can happen to a request besides.
type fault struct {
	name string
	set  func(s *graphtest.Server, nth int, lag time.Duration)

	// status is that of the answers by which it can be told to have happened, 0 for
	// none at all; write says that it hits one of the requests that change
	// something, so that it happens in nearly every case.
	status int
	write  bool
}

// faults are all of them. What is new is seen after lag, and in lists after twice as
// long.
var faults = []fault{
	{name: "none", status: -1, set: func(*graphtest.Server, int, time.Duration) {}},
	{name: "504 applied", status: http.StatusGatewayTimeout, write: true, set: func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultGatewayTimeout, Applied: true, Skip: nth, Times: 1})...)
	}},
	{name: "504 not applied", status: http.StatusGatewayTimeout, write: true, set: func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultGatewayTimeout, Skip: nth, Times: 1})...)
	}},
	{name: "reset applied", write: true, set: func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultReset, Applied: true, Skip: nth, Times: 1})...)
	}},
	{name: "reset not applied", write: true, set: func(s *graphtest.Server, nth int, _ time.Duration) {
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultReset, Skip: nth, Times: 1})...)
	}},
	{name: "delayed visibility", status: http.StatusNotFound, set: func(s *graphtest.Server, _ int, lag time.Duration) {
		s.SetQuirks(graphtest.Quirks{GetLag: lag, ListLag: 2 * lag})
	}},
	{name: "504 applied, delayed visibility", status: http.StatusGatewayTimeout, write: true, set: func(s *graphtest.Server, nth int, lag time.Duration) {
		s.SetQuirks(graphtest.Quirks{GetLag: lag, ListLag: 2 * lag})
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultGatewayTimeout, Applied: true, Skip: nth, Times: 1})...)
	}},
	{name: "reset applied, delayed visibility", write: true, set: func(s *graphtest.Server, nth int, lag time.Duration) {
		s.SetQuirks(graphtest.Quirks{GetLag: lag, ListLag: 2 * lag})
		s.SetFaults(write(graphtest.Fault{Kind: graphtest.FaultReset, Applied: true, Skip: nth, Times: 1})...)
	}},
}

func faultNamed(name string) fault {
	return faults[slices.IndexFunc(faults, func(f fault) bool { return f.name == name })]
}

// write applies a fault to requests that change something.
func write(f graphtest.Fault) []graphtest.Fault {
	var all []graphtest.Fault
	for _, method := range changing {
		f.Method, f.Prefix = method, "/deviceManagement"
		all = append(all, f)
	}
	return all
}

var changing = []string{http.MethodPost, http.MethodPatch, http.MethodPut}

// writesTo returns how many requests a server has got that faults can hit, of the
// method of which there were most.
func writesTo(s *graphtest.Server) int {
	count := make(map[string]int)
	for _, e := range s.Log() {
		if slices.Contains(changing, e.Method) && strings.HasPrefix(e.Path, "/beta/deviceManagement") {
			count[e.Method]++
		}
	}
	return slices.Max(slices.Collect(maps.Values(count)))
}

// happened reports whether the fault has hit anything.
func (f *fault) happened(s *graphtest.Server) bool {
	return slices.ContainsFunc(s.Log(), func(e graphtest.Entry) bool {
		return e.Status == f.status && (e.Method != http.MethodGet) == f.write
	})
}

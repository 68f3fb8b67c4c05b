package graphtest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkHandler(b *testing.B) {
	f := newFixture(b, graphtest.Config{LogSize: 1000})
	if err := f.tenant.Grow(graphtest.Scale{Policies: 1000, Configurations: 1000}); err != nil {
		b.Fatal(err)
	}
	one := "/beta/deviceManagement/deviceConfigurations/" + f.tenant.IDs("deviceManagement/deviceConfigurations")[7]
	for name, url := range map[string]string{
		"object": one, "page100x4KB": "/beta/deviceManagement/deviceConfigurations",
		"page25": catalog, "page25expanded": catalog + "?$expand=settings,assignments", "select": catalog + "?$select=id,name",
	} {
		b.Run(name, func(b *testing.B) {
			req := httptest.NewRequest(http.MethodGet, url, nil)
			req.Header.Set("Authorization", "Bearer "+f.token)
			for b.Loop() {
				f.srv.ServeHTTP(discard{make(http.Header)}, req)
			}
		})
	}
}

func BenchmarkLoopback(b *testing.B) {
	f := newFixture(b, graphtest.Config{NoGzip: true}).listen()
	if err := f.tenant.Grow(graphtest.Scale{Configurations: 100}); err != nil {
		b.Fatal(err)
	}
	url := "/beta/deviceManagement/deviceConfigurations/" + f.tenant.IDs("deviceManagement/deviceConfigurations")[7]
	for b.Loop() {
		f.get(url)
	}
}

func BenchmarkGrow(b *testing.B) {
	seed := uint64(0)
	f := newFixture(b, graphtest.Config{})
	b.ReportAllocs()
	for b.Loop() {
		seed++
		if err := f.tenant.Grow(graphtest.Scale{Seed: seed, Policies: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

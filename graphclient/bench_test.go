package graphclient_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

const (
	benchPages = 40
	benchItems = 25 // as the settings catalog has them
)

// policy is an object of about 4 KB in the form of a settings catalog policy.
func policy(rng *rand.Rand, id int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":"%08x-0000-4000-8000-%012x","name":"Policy %d – Gerätesperre","description":"","platforms":"windows10","roleScopeTagIds":["0"],"settings":[`, rng.Uint32(), id, id)
	for i := 0; b.Len() < 3900; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","settingInstance":{"@odata.type":"#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance","settingDefinitionId":"device_vendor_msft_policy_config_x%x","settingInstanceTemplateReference":null,"choiceSettingValue":{"value":"device_vendor_%x_1","children":[]}}}`, i, rng.Uint64(), rng.Uint64())
	}
	b.WriteString(`]}`)
	return b.String()
}

// benchServer serves benchPages pages of 4 KB objects, made beforehand.
func benchServer(b *testing.B, zip bool) *httptest.Server {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	var bodies [benchPages][]byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
		w.Header().Set("Content-Type", "application/json")
		if zip {
			w.Header().Set("Content-Encoding", "gzip")
		}
		_, _ = w.Write(bodies[n])
	}))
	b.Cleanup(srv.Close)
	for n := range bodies {
		items := make([]string, benchItems)
		for i := range items {
			items[i] = policy(rng, n*benchItems+i)
		}
		next := ""
		if n+1 < benchPages {
			next = fmt.Sprintf("%s/beta%s?$skiptoken=%d", srv.URL, listPath, n+1)
		}
		bodies[n] = []byte(page(next, items...))
		if zip {
			bodies[n] = zipped(bodies[n])
		}
	}
	return srv
}

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs list, which returns how many objects it listed. The server's
// share is in the figures of both loops alike.
func measure(b *testing.B, list func(ctx context.Context) (int, error)) {
	b.Helper()
	b.ReportAllocs()
	start, objects := cpu(), 0
	for b.Loop() {
		n, err := list(b.Context())
		if err != nil || n != benchPages*benchItems {
			b.Fatalf("%d objects: %v", n, err)
		}
		objects += n
	}
	b.ReportMetric(float64(objects)/b.Elapsed().Seconds(), "objects/s")
	b.ReportMetric(float64((cpu()-start).Nanoseconds())/1000/float64(objects), "cpu-µs/object")
}

// BenchmarkList compares this package's listing with the shortest loop that
// decodes the same with the standard library.
func BenchmarkList(b *testing.B) {
	for _, zip := range []bool{false, true} {
		srv := benchServer(b, zip)
		b.Run(fmt.Sprintf("client/gzip=%t", zip), func(b *testing.B) {
			rt := graphclient.NewTransport()
			b.Cleanup(rt.CloseIdleConnections)
			client := newClient(b, rt, func(c *graphclient.Config) {
				c.Cloud, c.Limiter = graphclient.Cloud{Graph: srv.URL, Login: srv.URL}, unlimited(b)
			})
			measure(b, func(ctx context.Context) (n int, err error) {
				for p, err := range client.Pages(ctx, graphclient.Request{Path: listPath}) {
					if err != nil {
						return n, err
					}
					n += len(p.Items)
				}
				return n, nil
			})
		})
		b.Run(fmt.Sprintf("plain/gzip=%t", zip), func(b *testing.B) {
			measure(b, func(ctx context.Context) (int, error) { return plainList(ctx, srv.Client(), srv.URL+"/beta"+listPath) })
		})
	}
}

// plainList is the plain loop.
func plainList(ctx context.Context, client *http.Client, link string) (n int, err error) {
	for link != "" {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
		if err != nil {
			return n, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return n, err
		}
		var doc struct {
			Value []json.RawMessage `json:"value"`
			Next  string            `json:"@odata.nextLink"`
		}
		err = json.NewDecoder(resp.Body).Decode(&doc)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return n, err
		}
		n += len(doc.Value)
		link = doc.Next
	}
	return n, nil
}

// BenchmarkBatch reads a thousand objects of 4 KB in batches.
func BenchmarkBatch(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	objects := make([]string, benchPages*benchItems)
	for i := range objects {
		objects[i] = policy(rng, i)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, _ := io.ReadAll(r.Body)
		var out strings.Builder
		out.WriteString(`{"responses":[`)
		for i, p := range partsOf(body) {
			if i > 0 {
				out.WriteByte(',')
			}
			n, _ := strconv.Atoi(p.URL[strings.LastIndexByte(p.URL, '/')+1:])
			out.WriteString(`{"id":"` + p.ID + `","status":200,"headers":{"Content-Type":"application/json"},"body":` + objects[n] + `}`)
		}
		out.WriteString(`]}`)
		_, _ = io.WriteString(w, out.String())
	}))
	defer srv.Close()
	rt := graphclient.NewTransport()
	defer rt.CloseIdleConnections()
	client := newClient(b, rt, func(c *graphclient.Config) {
		c.Cloud, c.Limiter = graphclient.Cloud{Graph: srv.URL, Login: srv.URL}, unlimited(b)
	})
	reqs := gets(len(objects))
	measure(b, func(ctx context.Context) (n int, err error) {
		for _, r := range client.Batch(ctx, reqs) {
			if r.Err != nil {
				return n, r.Err
			}
			n++
		}
		return n, nil
	})
}

// BenchmarkOutline is the part of listing that this package does by itself.
func BenchmarkOutline(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	items := make([]string, benchItems)
	for i := range items {
		items[i] = policy(rng, i)
	}
	body := []byte(page("", items...))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, got, _, _ := graphclient.Outline(body); len(got) != benchItems {
			b.Fatal(len(got))
		}
	}
}

// BenchmarkLimiter is what waiting costs when there is nothing to wait for.
func BenchmarkLimiter(b *testing.B) {
	client := newClient(b, script(says(200, `{}`)), fast(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Do(b.Context(), graphclient.Request{Path: listPath}); err != nil {
			b.Fatal(err)
		}
	}
}

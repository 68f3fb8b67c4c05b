package graphclient_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// A batcher answers batches part by part.
type batcher struct {
	// part returns the object that answers p, without its id; try counts the
	// times that the same URL came.
	part func(p sentPart, try int) string
	// change may replace the whole answer, given the parts' answers with ids.
	change func(n int, answers []string) *http.Response

	mu      sync.Mutex
	batches [][]sentPart
	tries   map[string]int
}

func (b *batcher) service() *service {
	b.tries = map[string]int{}
	return &service{reply: func(n int, r *http.Request, body string) (*http.Response, error) {
		if r.Method != http.MethodPost || r.URL.Path != "/beta/$batch" || r.Header.Get("Content-Type") != "application/json" {
			return answer(400, `{}`), nil
		}
		parts := partsOf([]byte(body))
		b.mu.Lock()
		defer b.mu.Unlock()
		b.batches = append(b.batches, parts)
		answers := make([]string, len(parts))
		for i, p := range parts {
			b.tries[p.URL]++
			answers[i] = `{"id":` + quote(p.ID) + `,` + strings.TrimPrefix(b.part(p, b.tries[p.URL]), "{")
		}
		if b.change != nil {
			if resp := b.change(n, answers); resp != nil {
				return resp, nil
			}
		}
		return answer(200, `{"responses":[`+strings.Join(answers, ",")+`]}`), nil
	}}
}

// gets returns n requests for objects 0 to n-1.
func gets(n int) []graphclient.Request {
	reqs := make([]graphclient.Request, n)
	for i := range reqs {
		reqs[i] = graphclient.Request{Path: listPath + "/" + strconv.Itoa(i)}
	}
	return reqs
}

// echo answers a part with the last segment of its path as the id.
func echo(p sentPart) string {
	return `{"status":200,"headers":{"Content-Type":"application/json"},"body":{"id":"` + p.URL[strings.LastIndexByte(p.URL, '/')+1:] + `"}}`
}

// collect runs a batch and fails unless each request has exactly one result.
func collect(t *testing.T, c *graphclient.Client, reqs []graphclient.Request) []graphclient.Result {
	t.Helper()
	out, seen := make([]graphclient.Result, len(reqs)), make([]bool, len(reqs))
	for i, r := range c.Batch(t.Context(), reqs) {
		if seen[i] {
			t.Errorf("request %d has two results", i)
		}
		if (r.Err == nil) == (r.Response == nil) {
			t.Errorf("request %d has neither or both of response and error: %v", i, r)
		}
		out[i], seen[i] = r, true
	}
	for i, ok := range seen {
		if !ok {
			t.Fatalf("request %d has no result", i)
		}
	}
	return out
}

func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		b := &batcher{
			part: func(p sentPart, _ int) string { return echo(p) },
			change: func(_ int, answers []string) *http.Response {
				rng.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
				return nil
			},
		}
		reqs := gets(50)
		reqs = append(reqs,
			graphclient.Request{Path: "/groups/50", Header: http.Header{"ConsistencyLevel": {"eventual"}}, FullMetadata: true},
			graphclient.Request{Method: "POST", Path: listPath + "/51", Body: []byte(`{"a":[1]}`)},
			graphclient.Request{Path: "no slash"})
		out := collect(t, newClient(t, b.service(), nil), reqs)
		for i, r := range out[:52] {
			if want := `{"id":"` + strconv.Itoa(i) + `"}`; r.Err != nil || string(r.Body) != want {
				t.Errorf("request %d: got %v, want %s", i, r, want)
			}
		}
		if !errors.Is(out[52].Err, graphclient.ErrInvalidRequest) {
			t.Errorf("an impossible request: got %v", out[52].Err)
		}
		var sizes []int
		for _, parts := range b.batches {
			sizes = append(sizes, len(parts))
			ids := map[string]bool{}
			for _, p := range parts {
				if ids[p.ID] = true; !strings.HasPrefix(p.URL, "/") || strings.HasPrefix(p.URL, "/beta") {
					t.Errorf("a part has the URL %s", p.URL)
				}
			}
			if len(ids) != len(parts) {
				t.Error("ids repeat within a batch")
			}
			if h := parts[0].Headers; parts[0].URL == "/groups/50" {
				delete(h, "client-request-id")
				want := map[string]string{"Accept": "application/json;odata.metadata=full", "Prefer": "include-unknown-enum-members", "Consistencylevel": "eventual"}
				if diff := cmp.Diff(want, h); diff != "" {
					t.Error(diff)
				}
			}
			if p := parts[0]; p.Method == "POST" && (string(p.Body) != `{"a":[1]}` || p.Headers["Content-Type"] != "application/json") {
				t.Errorf("a body goes out as %s with %v", p.Body, p.Headers)
			}
		}
		slices.Sort(sizes)
		if diff := cmp.Diff([]int{1, 1, 10, 20, 20}, sizes); diff != "" {
			t.Error(diff)
		}
	})
}

// Only failed parts are sent again, by the same rules as single requests.
func TestBatchRetriesParts(t *testing.T) {
	throttled := `{"status":429,"headers":{"Retry-After":"3"},"body":{"error":{"code":"TooManyRequests"}}}`
	unavailable := `{"status":503,"body":{"error":{"code":"ServiceUnavailable"}}}`
	always := func(s string) func(int) string { return func(int) string { return s } }
	once := func(s string) func(int) string {
		return func(try int) string {
			if try == 1 {
				return s
			}
			return `{"status":200,"body":{}}`
		}
	}
	for name, c := range map[string]struct {
		reply            func(try int) string
		get, post        error
		getSent, posSent int
	}{
		"429 once":     {once(throttled), nil, nil, 2, 2},
		"503 once":     {once(unavailable), nil, graphclient.ErrOutcomeUnknown, 2, 1},
		"503 always":   {always(unavailable), graphclient.ErrUnreachable, graphclient.ErrOutcomeUnknown, 5, 1},
		"504 once":     {once(`{"status":504,"body":null}`), nil, graphclient.ErrOutcomeUnknown, 2, 1},
		"500 always":   {always(`{"status":500}`), graphclient.ErrUnreachable, graphclient.ErrOutcomeUnknown, 3, 1},
		"424":          {always(`{"status":424,"body":{"error":{"code":"FailedDependency"}}}`), graphclient.ErrBadResponse, graphclient.ErrBadResponse, 2, 1},
		"403":          {always(`{"status":403,"body":{"error":{"code":"Forbidden","message":"one of the following scopes: Group.Read.All"}}}`), graphclient.ErrForbidden, graphclient.ErrForbidden, 1, 1},
		"404":          {always(`{"status":404}`), graphclient.ErrNotFound, graphclient.ErrNotFound, 1, 1},
		"401 once":     {once(`{"status":401}`), nil, nil, 2, 2},
		"no status":    {always(`{"body":{}}`), graphclient.ErrBadResponse, graphclient.ErrOutcomeUnknown, 2, 1},
		"status 0":     {always(`{"status":0}`), graphclient.ErrBadResponse, graphclient.ErrOutcomeUnknown, 2, 1},
		"status text":  {always(`{"status":"200","body":{}}`), graphclient.ErrBadResponse, graphclient.ErrOutcomeUnknown, 2, 1},
		"html":         {always(`{"status":200,"headers":{"Content-Type":"text/html"},"body":"` + base64.StdEncoding.EncodeToString([]byte("<html>")) + `"}`), graphclient.ErrBadResponse, graphclient.ErrOutcomeUnknown, 2, 1},
		"base64":       {always(`{"status":200,"headers":{"Content-Type":"application/json"},"body":"` + base64.StdEncoding.EncodeToString([]byte(`{"id":"1"}`)) + `"}`), nil, nil, 1, 1},
		"not base64":   {always(`{"status":200,"body":"*"}`), graphclient.ErrBadResponse, graphclient.ErrOutcomeUnknown, 2, 1},
		"200 and 429":  {once(`{"status":200,"body":{"error":{"code":"TooManyRequests"}}}`), nil, nil, 2, 2},
		"an error 200": {once(`{"status":200,"body":{"error":{"code":"ServiceUnavailable"}}}`), nil, graphclient.ErrOutcomeUnknown, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &batcher{part: func(p sentPart, try int) string {
					if strings.HasSuffix(p.URL, "/7") {
						return c.reply(try)
					}
					return echo(p)
				}}
				for method, want := range map[string]struct {
					err  error
					sent int
				}{"GET": {c.get, c.getSent}, "POST": {c.post, c.posSent}} {
					svc := b.service()
					reqs := gets(9)
					for i := range reqs {
						reqs[i].Method = method
					}
					start := time.Now()
					results := collect(t, newClient(t, svc, nil), reqs)
					if want.sent > 1 && name != "401 once" && time.Since(start) < 500*time.Millisecond {
						t.Errorf("%s was repeated after %v", method, time.Since(start))
					}
					for i, r := range results {
						if wanted := i == 7; !wanted && r.Err != nil || wanted && !errors.Is(r.Err, want.err) {
							t.Errorf("%s %d: got %v, want %v", method, i, r.Err, want.err)
						}
						if e, ok := errors.AsType[*graphclient.Error](r.Err); ok && (e.Attempts != want.sent || e.Method != method || e.RequestID == "" || e.ClientRequestID == "") {
							t.Errorf("%s: got %+v, want %d attempts and ids", method, e, want.sent)
						}
					}
					for url, n := range b.tries {
						if failing := strings.HasSuffix(url, "/7"); failing && n != want.sent || !failing && n != 1 {
							t.Errorf("%s %s was sent %d times", method, url, n)
						}
					}
				}
			})
		})
	}
}

// An answer that does not match what was asked is no answer.
func TestBatchAnswersThatDoNotMatch(t *testing.T) {
	for name, c := range map[string]struct {
		change func(answers []string) []string
		failed []int // requests without an answer
		code   string
	}{
		"missing":         {func(a []string) []string { return a[:len(a)-1] }, []int{4}, "part_missing"},
		"none":            {func([]string) []string { return nil }, []int{0, 1, 2, 3, 4}, "part_missing"},
		"doubled":         {func(a []string) []string { return append(a, a[2]) }, []int{2}, "part_doubled"},
		"tripled":         {func(a []string) []string { return append(a, a[2], a[2]) }, []int{2}, "part_doubled"},
		"foreign":         {func(a []string) []string { return append(a, `{"id":"99","status":200,"body":{}}`) }, []int{0, 1, 2, 3, 4}, "part_foreign"},
		"foreign instead": {func(a []string) []string { return append(a[1:], `{"id":"00","status":200,"body":{}}`) }, []int{0, 1, 2, 3, 4}, "part_foreign"},
		"no id":           {func(a []string) []string { return append(a[1:], `{"status":200,"body":{}}`) }, []int{0, 1, 2, 3, 4}, "part_foreign"},
		"a number as id":  {func(a []string) []string { return append(a[1:], `{"id":0,"status":200,"body":{}}`) }, []int{0, 1, 2, 3, 4}, "part_foreign"},
		"not an object":   {func(a []string) []string { return append(a, `null`) }, []int{0, 1, 2, 3, 4}, "part_foreign"},
	} {
		for _, method := range []string{"GET", "PATCH"} {
			for _, healed := range []bool{false, true} {
				t.Run(fmt.Sprint(name, method, healed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						b := &batcher{part: func(p sentPart, _ int) string { return echo(p) }}
						b.change = func(n int, answers []string) *http.Response {
							if healed && n > 0 || len(answers) < 5 && !slices.Equal(c.failed, []int{0, 1, 2, 3, 4}) {
								if healed {
									return nil
								}
								return answer(200, `{"responses":[]}`)
							}
							return answer(200, `{"responses":[`+strings.Join(c.change(answers), ",")+`]}`)
						}
						reqs := gets(5)
						for i := range reqs {
							reqs[i].Method = method
						}
						for i, r := range collect(t, newClient(t, b.service(), nil), reqs) {
							var want error
							switch hit := slices.Contains(c.failed, i); {
							case hit && method == "PATCH":
								want = graphclient.ErrOutcomeUnknown
							case hit && !healed:
								want = graphclient.ErrBadResponse
							}
							if !errors.Is(r.Err, want) {
								t.Errorf("request %d: got %v, want %v", i, r.Err, want)
							}
							if e, ok := errors.AsType[*graphclient.Error](r.Err); ok && method == "PATCH" && e.Code != c.code {
								t.Errorf("request %d: got code %s, want %s", i, e.Code, c.code)
							}
						}
					})
				})
			}
		}
	}
}

// The outer request has its own fate, and the parts share it.
func TestBatchOuterFaults(t *testing.T) {
	for name, c := range map[string]struct {
		outer     func() *http.Response
		times     int
		get, post error
	}{
		"429":       {func() *http.Response { return answer(429, ``, "Retry-After: 2") }, 2, nil, nil},
		"503":       {func() *http.Response { return answer(503, ``) }, 1, nil, graphclient.ErrOutcomeUnknown},
		"503 ever":  {func() *http.Response { return answer(503, ``) }, 99, graphclient.ErrUnreachable, graphclient.ErrOutcomeUnknown},
		"403":       {func() *http.Response { return answer(403, `{}`) }, 99, graphclient.ErrForbidden, graphclient.ErrForbidden},
		"cut":       {func() *http.Response { return answer(200, `{"responses":[{"id":"0","sta`) }, 1, nil, graphclient.ErrOutcomeUnknown},
		"no answer": {func() *http.Response { return answer(200, `{}`) }, 1, nil, graphclient.ErrOutcomeUnknown},
		"401":       {func() *http.Response { return answer(401, `{}`) }, 1, nil, nil},
	} {
		for method, want := range map[string]error{"GET": c.get, "POST": c.post} {
			t.Run(name+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &batcher{part: func(p sentPart, _ int) string { return echo(p) }}
					b.change = func(n int, _ []string) *http.Response {
						if n < c.times {
							return c.outer()
						}
						return nil
					}
					reqs := gets(3)
					for i := range reqs {
						reqs[i].Method = method
					}
					for i, r := range collect(t, newClient(t, b.service(), nil), reqs) {
						if !errors.Is(r.Err, want) {
							t.Errorf("request %d: got %v, want %v", i, r.Err, want)
						}
					}
				})
			})
		}
	}
}

// One part that spoils a whole batch is found by halving.
func TestBatchIsHalved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spoilt := func(answers []string) bool {
			return slices.ContainsFunc(answers, func(s string) bool { return strings.Contains(s, `{"id":"13"}`) })
		}
		for name, c := range map[string]struct {
			outer *http.Response
			want  error
		}{
			"too large": {nil, graphclient.ErrTooLarge},
			"400":       {answer(400, `{"error":{"code":"BadRequest"}}`), graphclient.ErrInvalidRequest},
		} {
			b := &batcher{part: func(p sentPart, _ int) string { return echo(p) }}
			b.change = func(_ int, answers []string) *http.Response {
				switch {
				case !spoilt(answers):
					return nil
				case c.outer != nil:
					return answer(400, `{}`)
				}
				return answer(200, `{"responses":[],"pad":"`+strings.Repeat("x", 64<<10)+`"}`)
			}
			client := newClient(t, b.service(), func(cfg *graphclient.Config) { cfg.MaxBody = 64 << 10 })
			for i, r := range collect(t, client, gets(40)) {
				if bad := i == 13; bad != errors.Is(r.Err, c.want) || !bad && r.Err != nil {
					t.Errorf("%s: request %d: got %v", name, i, r.Err)
				}
			}
			if len(b.batches) > 12 {
				t.Errorf("%s: %d batches", name, len(b.batches))
			}
		}
	})
}

// Lists in a batch are read to their end, and only there.
func TestBatchLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &batcher{part: func(p sentPart, try int) string {
			path, query, _ := strings.Cut(p.URL, "?")
			name := strings.Split(path, "/")[3]
			n, _ := strconv.Atoi(strings.TrimPrefix(query, "$skiptoken="))
			if name == "3" && n == 2 && try == 1 || name == "7" && try == 1 {
				return `{"status":504}` // every page of the last list, more often than one request may fail
			}
			next := fmt.Sprintf("%s/beta%s?$skiptoken=%d", base, path, n+1)
			switch k, _ := strconv.Atoi(name); {
			case name == "5" && n == 1:
				next = "https://evil.example/beta/x"
			case name == "4" && n == 3:
				next = base + "/v1.0" + path
			case name == "6" && n == 1:
				next = fmt.Sprintf("%s/beta%s?$skiptoken=1", base, path)
			case n == k:
				next = ""
			}
			return `{"status":200,"body":` + page(next, `"`+name+`-`+strconv.Itoa(n)+`"`) + `}`
		}}
		var reqs []graphclient.Request
		for i := range 8 {
			reqs = append(reqs, graphclient.Request{Path: fmt.Sprintf("%s/%d/settings", listPath, i), List: true})
		}
		for i, r := range collect(t, newClient(t, b.service(), nil), reqs) {
			switch i {
			case 4, 5:
				if e := errorOf(t, r.Err); e.Code != "next_link" {
					t.Errorf("a link elsewhere: got %v", r.Err)
				}
			case 6:
				if !errors.Is(r.Err, graphclient.ErrPagingLoop) {
					t.Errorf("a loop: got %v", r.Err)
				}
			default:
				if r.Err != nil || len(r.Items) != i+1 || r.Pages != i+1 || r.Body != nil || r.Next != "" {
					t.Fatalf("list %d: got %+v", i, r)
				}
				for n, item := range r.Items {
					if want := fmt.Sprintf(`"%d-%d"`, i, n); string(item) != want {
						t.Errorf("item %d of list %d is %s", n, i, item)
					}
				}
			}
		}
	})
}

// A list that is not asked for as one says that there is more.
func TestNextOfSingleRequests(t *testing.T) {
	more := page(base+"/beta"+listPath+"?$skiptoken=a%2Fb", object(1))
	b := &batcher{part: func(sentPart, int) string { return `{"status":200,"body":` + more + `}` }}
	r := collect(t, newClient(t, b.service(), nil), gets(1))[0]
	single, err := newClient(t, script(says(200, more)), nil).Do(t.Context(), graphclient.Request{Path: listPath})
	if err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	for _, got := range []string{r.Next, single.Next} {
		if got != listPath+"?$skiptoken=a%2Fb" {
			t.Errorf("got next %q", got)
		}
	}
}

// One bucket that is refused does not hold the others' parts.
func TestBatchBucketsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(time.Minute)
		b := &batcher{part: func(p sentPart, _ int) string {
			if strings.HasPrefix(p.URL, "/groups") && time.Now().Before(end) {
				return `{"status":429,"headers":{"retry-after":"61"}}`
			}
			return echo(p)
		}}
		reqs := gets(100)
		for i := range 20 {
			reqs = append(reqs, graphclient.Request{Path: "/groups/" + strconv.Itoa(100+i)})
		}
		start := time.Now()
		for i, r := range newClient(t, b.service(), nil).Batch(t.Context(), reqs) {
			took := time.Since(start)
			if r.Err != nil || i < 100 && took > 5*time.Second || i >= 100 && took < time.Minute {
				t.Errorf("request %d: %v after %v", i, r.Err, took)
			}
		}
	})
}

// Leaving the loop ends the work; a context that ends leaves no request
// without a result.
func TestBatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &batcher{part: func(p sentPart, _ int) string { return echo(p) }}
		client := newClient(t, b.service(), nil)
		n := 0
		for range client.Batch(t.Context(), gets(1000)) {
			if n++; n == 5 {
				break
			}
		}
		if got := len(b.batches); got > 6 {
			t.Errorf("%d batches after the loop ended at the fifth result", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		good, bad := 0, 0
		for _, r := range client.Batch(ctx, gets(1000)) {
			switch {
			case r.Err == nil:
				good++
			case errors.Is(r.Err, context.DeadlineExceeded):
				bad++
			default:
				t.Error(r.Err)
			}
		}
		if good+bad != 1000 || good < 400 || bad < 400 {
			t.Errorf("%d good and %d abandoned of 1,000", good, bad)
		}
	})
	for range newClient(t, script(says(200, `{}`)), nil).Batch(t.Context(), nil) {
		t.Error("nothing was asked, something came")
	}
}

// A claims challenge inside a batch is met once.
func TestBatchClaims(t *testing.T) {
	claims := `{"access_token":{}}`
	src := &tokens{}
	b := &batcher{part: func(p sentPart, try int) string {
		if try == 1 {
			return `{"status":401,"headers":{"WWW-Authenticate":` + quote(`Bearer error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`) + `}}`
		}
		return echo(p)
	}}
	client := newClient(t, b.service(), func(c *graphclient.Config) { c.Tokens = src })
	for _, r := range collect(t, client, gets(5)) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if last := src.asked[len(src.asked)-1]; src.n != 2 || last.Claims != claims {
		t.Errorf("%d tokens, the last for claims %q", src.n, last.Claims)
	}
}

// No answer to a batch, however odd, is a panic or a missing result.
func FuzzBatchAnswer(f *testing.F) {
	f.Add(`{"responses":[{"id":"0","status":200,"body":{}},{"id":"1","status":404}]}`)
	f.Add(`{"responses":[{"id":"1","status":200,"headers":{"Retry-After":1},"body":"e30="},{"id":"0"}]}`)
	f.Add(`{"responses":{}}`)
	f.Add(`{"responses":[,]}`)
	f.Add(`{"responses":[{"id":"0","status":429,"headers":[],"body":[]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			if n > 0 {
				return answer(400, `{}`), nil
			}
			return answer(200, body), nil
		}}
		client := newClient(t, svc, func(c *graphclient.Config) { c.Limiter, c.MaxAttempts = unlimited(t), 1 })
		if strings.Contains(body, "429") {
			return // the client would wait
		}
		collect(t, client, gets(2))
	})
}

package monitor_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func ExampleNew() {
	tracker, err := runs.New(runs.Config{Store: memruns.New(), Dispatcher: accept{}})
	if err != nil {
		log.Fatal(err)
	}
	cfg := monitor.Config{Runs: tracker}
	cfg.Who, cfg.Authorizer = monitor.InsecureDemo() // a real host asks its sessions and its roles
	hub, err := monitor.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/", hub)

	r := httptest.NewRequest(http.MethodGet, "http://localhost/ops/t/acme/runs", nil)
	r.RemoteAddr = "127.0.0.1:1234"
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, r)
	fmt.Print(answer.Code, " ", strings.Contains(answer.Body.String(), "Nothing has run in this tenant yet."))
	// Output: 200 true
}

func ExampleNewAPI() {
	tracker, err := runs.New(runs.Config{Store: memruns.New(), Dispatcher: accept{}})
	if err != nil {
		log.Fatal(err)
	}
	api, err := monitor.NewAPI(monitor.Config{
		Runs: tracker,
		Who:  func(*http.Request) (runs.Actor, error) { return runs.User("dana", "Dana"), nil },
		Authorizer: runs.Roles(func(context.Context, runs.Actor, string) (runs.Role, error) {
			return runs.RoleReadonly, nil
		}),
		BasePath: "/api/v1",
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", http.StripPrefix("/api/v1", api))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/t/acme/runs", nil))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output: 200 {"data":[]}
}

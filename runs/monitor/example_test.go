package monitor_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/memruns"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

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

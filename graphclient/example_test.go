package graphclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// exampleService is a Graph of three objects on two pages.
func exampleService() *httptest.Server {
	mux := http.NewServeMux()
	write := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, body)
	}
	mux.HandleFunc("POST /contoso/oauth2/v2.0/token", func(w http.ResponseWriter, _ *http.Request) {
		write(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"secret"}`)
	})
	mux.HandleFunc("GET /beta/deviceManagement/assignmentFilters", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("$skiptoken") == "" {
			write(w, `{"value":[{"id":"1"},{"id":"2"}],"@odata.nextLink":"http://`+r.Host+`/beta/deviceManagement/assignmentFilters?$skiptoken=x"}`)
			return
		}
		write(w, `{"value":[{"id":"3"}]}`)
	})
	mux.HandleFunc("POST /beta/$batch", func(w http.ResponseWriter, _ *http.Request) {
		write(w, `{"responses":[{"id":"1","status":404,"body":{"error":{"code":"ResourceNotFound"}}},{"id":"0","status":200,"body":{"id":"1","displayName":"Corporate"}}]}`)
	})
	mux.HandleFunc("GET /beta/groups", func(w http.ResponseWriter, _ *http.Request) {
		write(w, `{"value":[{"id":"7","displayName":"VPN users"}]}`)
	})
	return httptest.NewServer(mux)
}

// exampleClient is how a host builds its client; only the addresses differ.
func exampleClient(addr string) *graphclient.Client {
	cloud := graphclient.Cloud{Graph: addr, Login: addr}
	tokens, err := graphclient.NewClientCredentials(graphclient.CredentialsConfig{
		ClientID: "00000000-0000-0000-0000-000000000001",
		Secret:   graphclient.NewSecret("from the vault"),
		Cloud:    cloud,
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{Tenant: "contoso", Tokens: tokens, Cloud: cloud})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleNew() {
	limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{}) // one for the process
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := graphclient.NewClientCredentials(graphclient.CredentialsConfig{
		ClientID: "00000000-0000-0000-0000-000000000001",
		Secret:   graphclient.NewSecret("from the vault"),
		Cloud:    graphclient.USGovCloud(),
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = graphclient.New(graphclient.Config{
		Tenant:  "contoso.onmicrosoft.us",
		Tokens:  tokens,
		Cloud:   graphclient.USGovCloud(),
		Limiter: limiter,
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_Pages() {
	srv := exampleService()
	defer srv.Close()
	client := exampleClient(srv.URL)

	for page, err := range client.Pages(context.Background(), graphclient.Request{Path: "/deviceManagement/assignmentFilters"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("page %d: %s\n", page.Number, slices.Collect(slices.Values(page.Items)))
	}
	// Output:
	// page 1: [{"id":"1"} {"id":"2"}]
	// page 2: [{"id":"3"}]
}

func ExampleClient_Batch() {
	srv := exampleService()
	defer srv.Close()
	client := exampleClient(srv.URL)

	reqs := []graphclient.Request{
		{Path: "/deviceManagement/assignmentFilters/1"},
		{Path: "/deviceManagement/assignmentFilters/2"},
	}
	results := make([]graphclient.Result, len(reqs))
	for i, r := range client.Batch(context.Background(), reqs) {
		results[i] = r // in any order
	}
	fmt.Printf("%s\n", results[0].Body)
	fmt.Println(errors.Is(results[1].Err, graphclient.ErrNotFound))
	// Output:
	// {"id":"1","displayName":"Corporate"}
	// true
}

func ExampleUser_SearchGroups() {
	srv := exampleService()
	defer srv.Close()
	client := exampleClient(srv.URL)

	// The token of the person whose request is being served.
	user, err := client.User(graphclient.NewSecret("delegated-token"))
	if err != nil {
		log.Fatal(err)
	}
	groups, err := user.SearchGroups(context.Background(), "vpn", 10)
	fmt.Println(groups[0].DisplayName, err)
	// Output: VPN users <nil>
}

func ExampleSecret() {
	s := graphclient.NewSecret("hunter2")
	fmt.Printf("%v %s %#v\n", s, s, s)
	fmt.Println(s.Reveal())
	// Output:
	// [redacted] [redacted] [redacted]
	// hunter2
}

package graphsource_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
)

type fixedToken string

func (f fixedToken) Token(context.Context, graphclient.TokenRequest) (graphclient.Token, error) {
	return graphclient.Token{Value: graphclient.NewSecret(string(f))}, nil
}

func ExampleNew() {
	graph, err := graphtest.New(graphtest.Config{Tenants: []string{"contoso"}})
	if err != nil {
		log.Fatal(err)
	}
	if err := graph.Tenant("contoso").LoadDocument(graphtest.DemoTenant(1, 1)); err != nil {
		log.Fatal(err)
	}
	token, err := graph.IssueToken(graphtest.Grant{Tenant: "contoso"})
	if err != nil {
		log.Fatal(err)
	}
	client, err := graphclient.New(graphclient.Config{Tenant: "contoso", Tokens: fixedToken(token), Transport: graph.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	source := graphsource.New(client)
	filters, _ := contract.Lookup("assignmentFilter")
	for _, c := range contract.Collections() {
		if c.Path != filters.Lists[0].Path {
			continue
		}
		n := 0
		for page, err := range source.List(context.Background(), c) {
			if err != nil {
				log.Fatal(err)
			}
			n += len(page.Objects)
		}
		fmt.Println(n > 0)
	}
	// Output: true
}

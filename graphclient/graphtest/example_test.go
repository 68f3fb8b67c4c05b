package graphtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
)

func ExampleNew() {
	srv, err := graphtest.New(graphtest.Config{Tenants: []string{"contoso"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Tenant("contoso").LoadDocument(graphtest.DemoTenant(1, 3)); err != nil {
		fmt.Println(err)
		return
	}
	token, err := srv.IssueToken(graphtest.Grant{Tenant: "contoso"})
	if err != nil {
		fmt.Println(err)
		return
	}
	req, err := http.NewRequest(http.MethodGet, "https://graph.microsoft.com/beta/deviceManagement/configurationPolicies?$select=name", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := srv.Client().Do(req) // srv.Start gives a real address instead
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	var page struct {
		Count int                     `json:"@odata.count"`
		Value []struct{ Name string } `json:"value"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status, page.Count, page.Value[0].Name, "- writes:", srv.Writes())
	// Output: OK 25 Win - Finance - defender - writes: 0
}

func ExampleTenant_Patch() {
	srv, err := graphtest.New(graphtest.Config{Tenants: []string{"contoso"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	tenant := srv.Tenant("contoso")
	id, err := tenant.Add("groups", json.RawMessage(`{"id":"g1","displayName":"Pilot"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := tenant.Patch("groups", id, json.RawMessage(`{"displayName":"Pilot ring"}`)); err != nil {
		fmt.Println(err)
		return
	}
	doc, err := tenant.Get("groups", id)
	fmt.Println(string(doc), err)
	// Output: {"@odata.type":"#microsoft.graph.group","id":"g1","displayName":"Pilot ring"} <nil>
}

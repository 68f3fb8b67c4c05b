// Package graphtest is an in-process Microsoft Graph service for tests and
// demos: it serves the Intune and Entra objects of any number of tenants with
// the habits, limits and faults of the real service.
//
// A [Server] is an http.Handler. [Server.Start] gives it a loopback address;
// [Server.Client] reaches it without any socket, which also works inside a
// testing/synctest bubble. The tenant of a request is the one its bearer
// token was issued for. Tokens come from POST /{tenant}/oauth2/v2.0/token or
// from [Server.IssueToken].
//
//	srv, err := graphtest.New(graphtest.Config{Tenants: []string{"contoso"}})
//	err = srv.Tenant("contoso").LoadDocument(graphtest.DemoTenant(1, 3))
//	base, err := srv.Start() // http://127.0.0.1:34567
//	defer srv.Close()
//
// The server is an independent judge. It knows the paths, types and list
// gaps of the service by itself and shares no code with the client that it
// is there to examine. What is always so (25 settings to a page, script
// contents missing in lists, masked secrets) needs no switch; what happens
// to the service now and then is a field of [Quirks], a [Fault] or a
// [Limits]. Each says where the behaviour was seen: "graph.md" is the
// project's collection of facts about Graph, "policytypes" its table of
// object types, by row.
//
// What it does with writes are its [Rules], all of which can be switched off, and
// the [Quirks] that docs/graph-writes.md lists with them.
//
// [Server.UseSchema] lets Graph's own metadata judge too: it must agree with
// the server's table, and requests must name properties that exist.
//
// Requests that would change a tenant are counted ([Server.Writes]): after an
// inventory there must be none.
package graphtest

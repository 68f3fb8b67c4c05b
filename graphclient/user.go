package graphclient

import (
	"context"
)

// A User sends requests with the token of a person who waits for the answer.
// It holds that token in memory for as long as it is itself held, and puts it
// nowhere else. Make one per incoming request and drop it.
//
// A User has what is done only on a person's behalf, and nothing else;
// background work cannot be done with it.
type User struct{ api *api }

// A Group is a group that a search found.
type Group struct {
	ID                    string   `json:"id"`
	DisplayName           string   `json:"displayName"`
	GroupTypes            []string `json:"groupTypes"`
	MembershipRule        string   `json:"membershipRule"`
	MailEnabled           bool     `json:"mailEnabled"`
	SecurityEnabled       bool     `json:"securityEnabled"`
	OnPremisesSyncEnabled bool     `json:"onPremisesSyncEnabled"`
}

// User returns a User that acts in c's tenant with a delegated token, and
// shares c's connections and limits. It refuses an empty token, and one that
// says of itself that it is an application's or for another tenant.
func (c *Client) User(token Secret) (*User, error) {
	return newUser(c.api, token)
}

// SearchGroups returns up to limit groups whose name contains the words of
// text, in Graph's order. A limit below 1 means 25. An empty text finds nothing.
//
// The person's own permissions decide what is found.
func (u *User) SearchGroups(ctx context.Context, text string, limit int) ([]Group, error) {
	return u.api.searchGroups(ctx, text, limit)
}

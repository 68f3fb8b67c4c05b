package graphclient

import (
	"context"
	"iter"
)

// api is what Client and User share.
type api struct{ cfg Config }

func newAPI(cfg Config) (*api, error) { return &api{cfg}, nil }

func newUser(a *api, _ Secret) (*User, error) { return &User{a}, nil }

func (a *api) do(context.Context, Request) (*Response, error) {
	return nil, &Error{Reason: ErrUnreachable}
}

func (a *api) pages(context.Context, Request, bool) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) { yield(Page{}, &Error{Reason: ErrUnreachable}) }
}

func (a *api) batch(context.Context, []Request) iter.Seq2[int, Result] {
	return func(func(int, Result) bool) {}
}

func (a *api) searchGroups(context.Context, string, int) ([]Group, error) {
	return nil, &Error{Reason: ErrUnreachable}
}

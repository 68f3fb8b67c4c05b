// Package graphclient talks to Microsoft Graph: one request, all pages of a
// list, many reads in a batch, or what changed since the last time.
//
// A [Client] works for one tenant with the application's own token (app-only)
// and is what background work uses. A [User] works with the token of a person
// who is waiting for the answer (delegated); it can only be built from such a
// token, lives as long as that person's request, and is the only type that
// can search groups live.
//
// Graph is taken to be slow, throttled, wrong at times, and reached over a
// network that others share. The package therefore promises:
//
//   - A list is whole or an error. Pages are followed to the end; a loop, a
//     cut answer or an answer of another form is never a shorter list.
//   - Requests are paced below the published limit of their service bucket,
//     by one [Limiter] for all runs of a tenant in this process. A refusal
//     pauses the bucket, not only the request that was refused.
//   - What may be repeated is repeated, what may not is not: a POST or PATCH
//     without a clear answer ends as [ErrOutcomeUnknown], and the caller finds
//     out what became of it.
//   - A token goes to the configured host and to no other, whatever link an
//     answer gives. Redirects are not followed.
//   - Memory is bounded: by bytes after decompression, depth and items.
//   - Errors are safe to store and show. They carry codes, request ids and
//     names of permissions, never a query, a body, a token or a name. No
//     *url.Error leaves this package.
//
// Documents stay raw JSON from the wire to the caller.
package graphclient
